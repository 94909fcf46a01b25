"""What must be refused of edits and of image to video, once for each way in."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tests.makers import grays, save_sound, save_video
from wan_demo.domain.request import INPUTS

EDIT = {"task": "video_to_video", "prompt": "a blue star"}
ANIMATE = {"task": "image_to_video", "prompt": "a blue star"}


@dataclass(frozen=True)
class Refusal:
    """What is given, files by the names of ``make_files``, and the sentence it must come to."""

    name: str
    given: dict[str, Any]
    field: str
    allowed: str
    got: str

    @property
    def sentence(self) -> str:
        """As programs and the shell get it, but for the nearest values."""
        return f"{self.field}: {self.allowed}; got {self.got}."

    def with_files(self, folder: Path) -> dict[str, Any]:
        """What is given, by the fields of the request."""
        found = dict(self.given)
        for name in set(INPUTS) & set(found):
            told = found[name]
            is_list = isinstance(told, list)
            found[name] = [str(folder / e) for e in told] if is_list else str(folder / told)
        return found


def make_files(folder: Path) -> Path:
    """Good and bad files: ``clip.mp4`` is three seconds of 64x64."""
    save_video(folder / "clip.mp4", grays(24))
    save_video(folder / "hours.mp4", grays(2), times_ms=[0, 36_000_000])
    _claim_hours(save_video(folder / "claims.mkv", grays(24)))
    save_video(folder / "wide.mp4", grays(9, (8192, 16)))
    save_video(folder / "one.mp4", grays(1))
    save_sound(folder / "sound.mp4")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("Good morning, this is no video.\n" * 50)
    Image.new("L", (50, 40), 255).save(folder / "small.png")
    Image.new("L", (64, 64), 0).save(folder / "black.png")
    Image.new("L", (64, 64), 255).save(folder / "white.png")
    return folder


def _claim_hours(path: Path) -> None:
    """Have a Matroska's header say that it lasts ten hours."""
    data = path.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3
    path.write_bytes(data[:at] + struct.pack(">d", 36_000_000.0) + data[at + 8 :])


def _edit(name: str, field: str, allowed: str, got: str, **given: Any) -> Refusal:
    return Refusal(name, {**EDIT, "video": "clip.mp4", **given}, field, allowed, got)


def _number(field: str, value: Any, allowed: str, got: str = "", **more: Any) -> Refusal:
    given = {**EDIT, "video": "clip.mp4", field: value, **more}
    return Refusal(f"{field} {value}"[:24], given, field, allowed, got or repr(value))


_FLOW = {"method": "flow_edit"}
_LIMIT = "must last at most 10 minutes"
_VIDEOS = "must be an MP4, MOV, WebM, MKV, AVI, MPEG or WMV video"
_WITHIN = "must lie within the video, which lasts 3.00 s"

REFUSALS = (
    Refusal("no video", {**EDIT}, "video", "is needed for video_to_video with wan-tiny", "nothing"),
    Refusal(
        "no prompt",
        {"task": "video_to_video", "prompt": " ", "video": "clip.mp4"},
        "prompt",
        "must say what the video shows",
        "''",
    ),
    Refusal(
        "last without first",
        {**ANIMATE, "last_image": "white.png"},
        "image",
        "is needed for image_to_video with wan-tiny",
        "nothing",
    ),
    _edit(
        *("sound only", "video", "must have a picture; this file has sound only", "'sound.mp4'"),
        video="sound.mp4",
    ),
    _edit("ten hours", "video", _LIMIT, "'600.0 minutes'", video="hours.mp4"),
    _edit("ten hours cut", "video", _LIMIT, "'600.0 minutes'", video="hours.mp4", trim_end=3),
    _edit("claims ten hours", "video", _LIMIT, "'600.0 minutes'", video="claims.mkv"),
    _edit("an hour's mask", "mask", _LIMIT, "'600.0 minutes'", mask="hours.mp4"),
    _edit("empty", "video", "must be a file of 1 byte to 200 MB", "'0 bytes'", video="empty.mp4"),
    _edit(
        *("text", "video", f"{_VIDEOS} that opens; this one is broken or not one", "'text.mp4'"),
        video="text.mp4",
    ),
    _edit("wide", "video", "must be at most 4096 pixels a side", "'8192x16'", video="wide.mp4"),
    _edit(
        *("one frame", "video", "must last at least 1.12 s for wan-tiny", "'0.04 s'"),
        video="one.mp4",
    ),
    _edit("a picture", "video", _VIDEOS, "'white.png'", video="white.png"),
    _edit(
        *("mask of another size", "mask", "must have the size of the video, 64x64", "'50x40'"),
        mask="small.png",
    ),
    _edit(
        *("black mask", "mask", "must be white where your video is edited", "'nothing white'"),
        mask="black.png",
    ),
    _edit(
        *("references", "reference_images", "is not used by video_to_video with wan-tiny"),
        "'white.png'",
        reference_images=["white.png"],
    ),
    _edit(
        *("many references", "reference_images", "must be at most 3 pictures", "'4 pictures'"),
        reference_images=["white.png"] * 4,
    ),
    _number("trim_start", 5, _WITHIN, "5.0"),
    _number("trim_start", -1, "must be a number from 0 to 1025"),
    _number("trim_start", "soon", "must be a number from 0 to 1025"),
    _number("trim_end", 5, _WITHIN, "5.0"),
    _number("trim_end", 1, "must lie after trim_start, 2", "1.0", trim_start=2),
    _number("trim_end", 1, "must leave at least 1.12 s for wan-tiny; it leaves 1.00 s", "1.0"),
    _number("speed", 4, "must leave at least 1.12 s for wan-tiny; it leaves 0.75 s", "4.0"),
    _number("speed", 0, "must be a number from 0.25 to 4"),
    _number("direction", "up", "must be one of forward, reversed"),
    _number("fit", "stretch", "must be one of crop, pad"),
    _number("method", "vace", "must be one of renoise, flow_edit for wan-tiny"),
    _number("guide", "edges", "is not used by video_to_video with wan-tiny"),
    _number("n_min", 1, "is not used by the method renoise, but by flow_edit"),
    _number(
        *("n_min", 9, "must be at most the 6 steps that run at this strength"),
        **{**_FLOW, "strength": 0.5},
    ),
    _number("n_avg", 10**9, "must be a whole number from 1 to 8", **_FLOW),
    _number(
        *("source_prompt", "x" * 2001, "must be text of at most 2,000 characters"),
        "'" + "x" * 78 + "…",
        **_FLOW,
    ),
    _number("num_frames", 25, "must be at most the 24 frames that the video has at 8 fps"),
    _number(
        *("num_frames", 17),
        "must be at most the 12 frames that the used part of the video has at 8 fps",
        trim_end=1.5,
    ),
    _number("num_frames", 2000, "must be 4k+1 from 9 to 1025 for wan-tiny"),
)
