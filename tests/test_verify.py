"""A clip is rendered again from its own metadata; the engine is the fake one but where said."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests import checkpoints, lora_files, makers
from tests.makers import grays, heard_in, noise, save_video, tones
from wan_demo import catalog
from wan_demo.cli import main
from wan_demo.errors import InvalidRequest
from wan_demo.media.decode import read_video
from wan_demo.media.encode import read_metadata, write_mp4
from wan_demo.media.folder import DataFolder
from wan_demo.verify import _inputs as find_inputs

CLIP = Path("clip.mp4")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):

    monkeypatch.setenv("WAN_DEMO_FAKE_STEP_SECONDS", "0")


def made(*arguments: str, engine: str = "fake") -> Path:
    wanted = ["--prompt", "a red circle", "--seed", "7", *arguments]
    assert main(["generate", "--engine", engine, *wanted, "--output", str(CLIP)]) == 0
    return CLIP


def verify(*arguments: str, engine: str = "fake") -> int:
    return main(["verify", str(CLIP), "--engine", engine, "--data-dir", "data", *arguments])


def tell(**changes: Any) -> None:
    """Write the clip again with other metadata, as somebody with an editor would."""
    retell(read_metadata(CLIP) | changes)


def retell(told: Any) -> None:
    """Copy the clip, its pictures untouched, under other metadata."""
    with av.open(str(CLIP)) as source, av.open("other.mp4", "w") as copy:
        copy.metadata["comment"] = told if isinstance(told, str) else json.dumps(told)
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    Path("other.mp4").replace(CLIP)


def request(**changes: Any) -> dict[str, Any]:
    return read_metadata(CLIP)["request"] | changes


class TestMatch:
    def test_a_clip_is_made_again_to_the_same_frames(self, capsys):
        made("--duration", "1.3")
        assert verify() == 0
        assert "the same frames again (10 frames of wan-tiny, seed 7)" in capsys.readouterr().out

    def test_the_real_engine_makes_its_clip_again(self, capsys):
        made("--steps", "2", engine="pipeline")
        assert verify(engine="pipeline") == 0
        assert capsys.readouterr().out.splitlines()[1:] == [
            "clip.mp4: the same frames again (17 frames of wan-tiny, seed 7)"
        ]

    def test_loras_are_found_in_the_data_folder_or_given(self, capsys):
        Path("style.safetensors").touch()
        made("--lora", "./style.safetensors:0.5")
        assert verify() == 1
        assert "loras: style.safetensors is not on this machine" in capsys.readouterr().out
        assert verify("--lora", "./style.safetensors") == 0
        Path("data/loras").mkdir(parents=True, exist_ok=True)
        Path("style.safetensors").rename("data/loras/style.safetensors")
        assert verify() == 0

    def test_another_file_of_the_same_name_is_told(self, capsys):
        base = catalog.BUNDLED.weights.base
        assert isinstance(base, Path)
        transformer = checkpoints.transformer(catalog.BUNDLED, base)
        style = ["--lora", "./style.safetensors:0.5"]
        for seed, run in ((1, made), (2, verify)):
            pairs = lora_files.matrices(transformer, seed)
            lora_files.write(Path("style.safetensors"), pairs, "comfy")
            steps = ["--steps", "1"] if run is made else []
            assert run(*style, *steps, engine="pipeline") in (CLIP, 1)
        said = capsys.readouterr().out
        assert "not made again to the same frames" in said
        assert "transformer_lora_1: sha256:" in said

    def test_inputs_are_found_in_the_data_folder_or_given(self, capsys):
        noise((96, 96)).save("photo.png")
        made("--task", "image_to_video", "--image", "photo.png")
        assert verify() == 1
        assert "image: missing from the data folder; give it with --image" in (
            capsys.readouterr().out
        )
        assert verify("--image", "photo.png") == 0
        DataFolder(Path("data")).create().keep_input(Path("photo.png"))
        assert verify() == 0

    def test_several_of_a_field_are_told_by_their_content(self):
        store = DataFolder(Path("data")).create()
        names, paths = [], [Path(f"{number}.png") for number in range(3)]
        for number, path in enumerate(paths):
            noise((16 + number, 16)).save(path)
            names.append(hashlib.sha256(path.read_bytes()).hexdigest())
        wanted = makers.request(reference_images=tuple(names[:2]))
        gone = "reference_images: missing from the data folder; give it with --reference-image"
        assert find_inputs(wanted, {}, store)[1] == [gone]
        assert find_inputs(wanted, {"reference_images": paths[:1]}, store)[1] == [gone]
        found, missing = find_inputs(wanted, {"reference_images": paths[1::-1]}, store)
        assert (found["reference_images"], missing) == (("0.png", "1.png"), [])
        store.keep_input(paths[0])
        found, missing = find_inputs(wanted, {"reference_images": [paths[1]]}, store)
        assert found["reference_images"] == (str(store.input(names[0])), "1.png")
        other = find_inputs(wanted, {"reference_images": [paths[2]]}, store)[1]
        assert other == ["reference_images: 2.png has other content than the one that was used"]
        with pytest.raises(InvalidRequest, match="was not used for this clip"):
            find_inputs(makers.request(), {"reference_images": [paths[2]]}, store)

    def test_a_video_too(self):
        source = save_video(Path("source.mp4"), grays(20))
        made("--task", "video_to_video", "--video", str(source))
        assert verify("--video", "source.mp4") == 0

    def test_what_an_older_clip_says_nothing_of_is_as_usual(self):
        source = save_video(Path("source.mp4"), grays(20))
        made("--task", "video_to_video", "--video", str(source))
        tell(request=request(**dict.fromkeys(("method", "fit", "speed", "sound", "colors"))))
        assert verify("--video", "source.mp4") == 0

    def test_an_edit_with_sound_and_a_mask_too(self, capsys):
        save_video(Path("source.mp4"), grays(24), sound=tones(400, 600, 800))
        quarter = Image.new("L", (64, 64))
        quarter.paste(255, (0, 0, 32, 32))
        quarter.save("mask.png")
        part = ["--trim-start", "0.5", "--speed", "1.5", "--direction", "reversed", "--fit", "pad"]
        media = ["--video", "source.mp4", "--mask", "mask.png"]
        made("--task", "video_to_video", *part, *media, "--duration", "1.3")
        assert heard_in(CLIP) is not None
        assert verify("--video", "source.mp4") == 1
        assert "mask: missing from the data folder; give it with --mask" in capsys.readouterr().out
        assert verify(*media) == 0

    def test_a_clip_that_goes_on_from_a_video(self, capsys):
        source = save_video(Path("source.mp4"), grays(20), sound=tones(400, 500))
        on = ("--task", "image_to_video", "--video", str(source), "--steps", "2")
        made(*on, engine="pipeline")
        assert verify("--video", "source.mp4", engine="pipeline") == 0
        assert "the same frames again (36 frames of wan-tiny" in capsys.readouterr().out

    def test_another_clip_of_several_stands_for_itself(self):
        made("--num-videos-per-prompt", "2")
        Path("clip-2.mp4").replace(CLIP)
        assert verify() == 0

    def test_other_libraries_are_named_even_where_the_frames_are_the_same(self, capsys):
        made()
        tell(torch="1.0")
        assert verify() == 0
        assert "torch: 1.0 then, not recorded now" in capsys.readouterr().out


class TestMismatch:
    def test_another_seed_in_the_metadata_gives_other_frames(self, capsys):
        made()
        tell(request=request(seed=8))
        assert verify() == 1
        assert "nothing that was recorded differs" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("key", "name"),
        [
            *(("torch", "torch"), ("diffusers", "diffusers"), ("dtype", "dtype")),
            *(("memory", "memory"), ("model_revision", "weights"), ("threads", "threads")),
        ],
    )
    def test_what_differs_is_named(self, capsys, key, name):
        made()
        tell(request=request(seed=8), **{key: "another"})
        assert verify() == 1
        assert f"  {name}: another then, not recorded now" in capsys.readouterr().out

    def test_other_pictures_under_the_same_metadata_are_noticed(self, capsys):
        made()
        told, frames = read_metadata(CLIP), read_video(CLIP, (96, 96), 17, 8)
        frames[3, 10:20, 10:20] = 255
        write_mp4(frames, 8, CLIP, told)
        assert verify() == 1
        assert "file: it does not show the frames that were generated" in capsys.readouterr().out

    def test_pictures_shown_at_other_times_are_noticed(self):
        made()
        told, frames = read_metadata(CLIP), read_video(CLIP, (96, 96), 17, 8)
        write_mp4(frames, 24, CLIP, told)
        assert verify() == 1

    def test_an_input_of_other_content_is_named(self, capsys):
        noise((96, 96)).save("photo.png")
        made("--task", "image_to_video", "--image", "photo.png")
        noise((96, 80)).save("photo.png")
        assert verify("--image", "photo.png") == 1
        assert "image: photo.png has other content" in capsys.readouterr().out

    def test_weights_that_are_not_here_are_named_and_not_fetched(self, capsys):
        made()
        tell(request=request(model="wan2.1-t2v-1.3b"))
        assert verify() == 1
        assert "models download wan2.1-t2v-1.3b" in capsys.readouterr().out


class TestBadInput:
    def refused(self, capsys, *arguments: str) -> str:
        capsys.readouterr()
        assert verify(*arguments) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        return said.err

    def test_no_file(self, capsys):
        assert self.refused(capsys).startswith("clip: must be a file that exists")

    @pytest.mark.parametrize("content", [b"", b"no video", b"\0\0\0\x18ftypisom" + b"\0" * 90])
    def test_no_mp4(self, capsys, content):
        CLIP.write_bytes(content)
        assert self.refused(capsys).startswith("clip: ")

    def test_half_a_file(self, capsys):
        whole = made().read_bytes()
        CLIP.write_bytes(whole[: len(whole) // 3])
        assert self.refused(capsys).startswith("clip: ")

    def test_another_container(self, capsys):
        save_video(Path("clip.mp4"), grays(9), container="matroska")
        assert "must be an MP4" in self.refused(capsys)

    def test_a_video_from_elsewhere(self, capsys):
        save_video(CLIP, grays(9))
        assert "must be made by this app" in self.refused(capsys)

    @pytest.mark.parametrize(
        "told",
        [
            *("{", "[" * 50_000, "[1]", "{}", '{"software": "other"}'),
            *('{"request": null}', '{"request": {}}', '{"request": [[]]}', "x" * 200_000),
        ],
    )
    def test_damaged_metadata(self, capsys, told):
        made()
        retell(told)
        assert self.refused(capsys).startswith("clip: ")

    @pytest.mark.parametrize("frames", [None, 5, "", "abc", "Z" * 64])
    def test_no_hash(self, capsys, frames):
        made()
        tell(frames_sha256=frames)
        assert self.refused(capsys).startswith("clip: ")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"width": 100}, "width"),
            ({"width": 10**9}, "clip"),
            ({"num_frames": 16}, "num_frames"),
            ({"num_inference_steps": 150}, "num_inference_steps"),
            ({"prompt": ""}, "prompt"),
            ({"prompt": "a\0b"}, "clip"),
            ({"model": "sora"}, "model"),
            ({"model": "../../etc/passwd"}, "model"),
            ({"model": 7}, "clip"),
            ({"task": "image_to_video", "image": "/etc/passwd"}, "clip"),
            ({"task": "image_to_video", "image": "../" * 20 + "etc/passwd"}, "clip"),
            ({"task": "image_to_video"}, "image"),
            ({"image": "0" * 64}, "image"),
            ({"duration": 1.0}, "num_frames"),
            ({"num_videos_per_prompt": 4}, "clip"),
            ({"colour": "red"}, "clip"),
            ({"__class__": "x"}, "clip"),
            ({"seed": None}, "clip"),
            ({"seed": 1e400}, "clip"),
        ],
    )
    def test_metadata_that_asks_for_nonsense(self, capsys, changes, field):
        """An image that is not in the store is looked for first: there is one of that name here."""
        made()
        store = DataFolder(Path("data")).create()
        noise((64, 64)).save(store.inputs / "0.png")
        name = store.keep_input(store.inputs / "0.png")
        tell(request=request(**{k: name if v == "0" * 64 else v for k, v in changes.items()}))
        assert self.refused(capsys).startswith(f"{field}: ")

    def test_what_a_stranger_wrote_is_printed_without_its_escapes(self, capsys):
        made()
        tell(request=request(seed=8), torch="\x1b[2J\r\nevil" + "x" * 10_000)
        capsys.readouterr()
        assert verify() == 1
        said = capsys.readouterr().out
        assert "\x1b" not in said
        assert max(map(len, said.splitlines())) < 200

    def test_more_than_anybody_reads_is_counted(self, capsys):
        made()
        tell(request=request(seed=8), **{f"key {number}": "x" for number in range(4000)})
        capsys.readouterr()
        assert verify() == 1
        said = capsys.readouterr().out.splitlines()
        assert len(said) < 30
        assert said[-1].strip().endswith(" more")

    @pytest.mark.parametrize("path", ["gone.png", "pipe.png", "/dev/zero", "x" * 5000, "folder"])
    def test_a_given_file_that_is_not_there(self, capsys, path):
        os.mkfifo("pipe.png")
        os.mkdir("folder")
        noise((96, 96)).save("photo.png")
        made("--task", "image_to_video", "--image", "photo.png")
        assert self.refused(capsys, "--image", path).startswith("image: ")

    def test_a_file_that_the_clip_was_not_made_from(self, capsys):
        made()
        assert self.refused(capsys, "--image", "photo.png").startswith("image: was not used")
