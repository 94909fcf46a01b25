from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.makers import grays, request, save_video
from wan_demo.errors import InvalidRequest
from wan_demo.media.decode import _CODE
from wan_demo.media.encode import write_mp4
from wan_demo.media.record import read_request

MADE = request(seed=7, prompt="a red circle 圆形").model_dump(mode="json")


def clip(folder: Path, told: object) -> Path:
    path = folder / "clip.mp4"
    write_mp4(grays(9), 8, path, {"request": told})
    return path


def refusal(path: Path) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        read_request(path)
    return refused.value


def test_a_clip_tells_the_request_that_made_it(tmp_path):
    made = request(task="image_to_video", image="d" * 64, seed=7)
    path = clip(tmp_path, json.loads(made.model_dump_json()))
    assert read_request(path) == made


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({**MADE, "colour": "red"}, "made by another version of this app, which has colour"),
        ({**MADE, "width": 10**9}, "damaged metadata: width can't be used"),
        ({**MADE, "num_videos_per_prompt": 2}, "damaged metadata: it is of several videos"),
        ({**MADE, "image": "../../etc/passwd"}, "damaged metadata: its image is no SHA-256"),
        ({**MADE, "video": "/etc/passwd"}, "damaged metadata: its video is no SHA-256"),
        (
            {**MADE, "reference_images": ["a" * 64, "/etc/passwd"]},
            "damaged metadata: its reference_images is no SHA-256",
        ),
        ({**MADE, "reference_images": ["a" * 64] * 4}, "reference_images can't be used"),
        (None, "damaged metadata"),
        ([], "damaged metadata"),
    ],
)
def test_what_can_be_no_request_is_refused(tmp_path, told, said):
    error = refusal(clip(tmp_path, told))
    assert (error.field, said in error.allowed) == ("clip", True)


def test_files_from_elsewhere_are_refused(tmp_path):
    save_video(tmp_path / "other.mp4", grays(9))
    (tmp_path / "text.mp4").write_text("#EXTM3U\nhttp://127.0.0.1/")
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "other.mp4").read_bytes()[:200])
    (tmp_path / "empty.mp4").touch()
    said = {
        "other": "must be made by this app; it has no metadata",
        "text": "must be an MP4",
        "cut": "must be an MP4 video that opens; this one is broken or not one",
        "empty": "must be a file of 1 byte to 200 MB",
    }
    for name, allowed in said.items():
        error = refusal(tmp_path / f"{name}.mp4")
        assert (error.field, allowed in error.allowed) == ("clip", True), error.allowed


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_who_only_reads_metadata_has_less_time_than_who_decodes():
    """Twenty million empty boxes are a minute's work, and two files are opened at a time."""
    code = (
        "import resource; from wan_demo.media import child; "
        "child._run = lambda _: resource.getrlimit(resource.RLIMIT_CPU)[0]; child.main()"
    )
    run = partial(subprocess.check_output, [sys.executable, "-c", code], text=True, cwd=_CODE)
    seconds = [int(run(input=json.dumps({"do": do}))) for do in ("comment", "probe")]
    assert seconds[0] <= seconds[1] / 4
