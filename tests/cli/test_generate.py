from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.makers import grays, noise, save_video
from wan_demo import catalog
from wan_demo.bootstrap import workers
from wan_demo.cli import main
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.memory import GIB, Machine
from wan_demo.media.decode import probe, read_video
from wan_demo.media.encode import read_metadata


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setenv("WAN_DEMO_FAKE_STEP_SECONDS", "0")


def generate(*arguments: str, output: str = "clip.mp4") -> int:
    return main(["generate", "--engine", "fake", *arguments, "--output", output])


def test_text_becomes_a_file(capsys):
    assert generate("--prompt", "a red circle", "--seed", "5", "--steps", "2") == 0
    medium = probe(Path("clip.mp4"), "video")
    assert (medium.width, medium.height) == catalog.BUNDLED.defaults.size
    said = capsys.readouterr()
    assert said.out == "clip.mp4 (seed 5)\n"
    assert said.err == ""


def test_every_option_reaches_the_request():
    options = {
        "task": "text_to_video",
        "model": "wan-tiny",
        "prompt": "a red circle",
        "negative_prompt": "blue",
        "width": 64,
        "height": 80,
        "num_frames": 13,
        "fps": 10,
        "num_inference_steps": 3,
        "guidance_scale": 2.5,
        "scheduler": "dpm++",
        "flow_shift": 2.5,
        "seed": 9,
    }
    flags = [
        text
        for name, value in options.items()
        for text in (f"--{name.replace('_', '-')}", str(value))
    ]
    assert generate(*flags) == 0
    request = read_metadata(Path("clip.mp4"))["request"]
    assert options.items() <= request.items()


def test_an_image_becomes_a_file(tmp_path):
    noise((160, 120)).save(tmp_path / "photo.png")
    arguments = ["--task", "image_to_video", "--image", str(tmp_path / "photo.png")]
    assert generate(*arguments) == 0
    medium = probe(Path("clip.mp4"), "video")
    assert medium.width > medium.height


def test_a_video_is_restyled(tmp_path):
    path = save_video(tmp_path / "source.mp4", grays(20))
    arguments = ["--task", "video_to_video", "--video", str(path), "--strength", "0.5"]
    assert generate(*arguments, "--prompt", "a blue circle") == 0
    assert read_metadata(Path("clip.mp4"))["request"]["strength"] == 0.5


def test_references_beside_text_have_their_control(tmp_path):
    noise((64, 64)).save(tmp_path / "dog.png")
    arguments = ["--model", "wan2.1-vace-1.3b", "--prompt", "a dog", "--num-frames", "5"]
    arguments += ["--width", "256", "--height", "256", "--steps", "1"]
    arguments += ["--reference-image", str(tmp_path / "dog.png"), "--conditioning-scale", "0.4"]
    assert generate(*arguments) == 0
    assert read_metadata(Path("clip.mp4"))["request"]["conditioning_scale"] == 0.4


def test_what_is_cut_of_a_prompt_is_told(capsys):
    assert generate("--prompt", "a circle " * 40) == 0
    said = capsys.readouterr()
    assert said.out.startswith("clip.mp4 (seed ")
    assert said.err.startswith("Note: Prompt: Wan Tiny reads 64 tokens of its 81.")


@pytest.mark.parametrize(
    ("seconds", "fps", "made", "played"),
    [
        ("3.0", "8", 25, 24),
        ("1.5", "16", 25, 24),
        ("1.1", "24", 29, 26),
        ("0.7", "16", 13, 11),
        ("2.1", "8", 17, 17),
        ("0.3", "8", 9, 2),
    ],
)
def test_a_duration_is_kept_to_the_frame_and_to_the_second(seconds, fps, made, played):
    wanted = ["--prompt", "a red circle", "--duration", seconds, "--fps", fps]
    assert generate(*wanted) == 0
    with av.open("clip.mp4") as clip:
        assert clip.duration == round(float(seconds) * av.time_base)
        assert len(list(clip.decode(video=0))) == played
    request = read_metadata(Path("clip.mp4"))["request"]
    assert (request["num_frames"], request["duration"]) == (made, float(seconds))


def test_a_restyled_clip_may_last_as_long_as_its_video(tmp_path):
    path = save_video(tmp_path / "source.mp4", grays(16), fps=8)
    wanted = ["--task", "video_to_video", "--video", str(path), "--duration", "2"]
    assert generate("--prompt", "a blue circle", *wanted) == 0
    medium = probe(Path("clip.mp4"), "video")
    assert (medium.frames, medium.seconds) == (16, 2.0)


def test_loras_are_given_by_path_and_by_name():
    for path in ("style.safetensors", "data/loras/ink.safetensors"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    arguments = ["--prompt", "a", "--lora", "./style.safetensors:0.5", "--lora", "ink"]
    assert generate(*arguments) == 0
    loras = read_metadata(Path("clip.mp4"))["request"]["loras"]
    assert [(lora["name"], lora["weight"]) for lora in loras] == [
        ("style.safetensors", 0.5),
        ("ink.safetensors", 1.0),
    ]


def test_a_preset_gives_way_to_what_is_typed():
    assert generate("--prompt", "a", "--preset", "draft", "--num-frames", "9") == 0
    request = read_metadata(Path("clip.mp4"))["request"]
    assert (request["num_inference_steps"], request["num_frames"]) == (8, 9)


def test_several_videos_get_numbers():
    arguments = ["--prompt", "a red circle", "--num-videos-per-prompt", "2"]
    assert generate(*arguments, output="new/folder/clip.mp4") == 0
    names = sorted(path.name for path in Path("new/folder").iterdir())
    assert names == ["clip-2.mp4", "clip.mp4"]


def test_a_prompt_of_digits_is_text():
    assert generate("--prompt", "123") == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--prompt", ""], "prompt"),
        (["--prompt", "a", "--width", "100"], "width"),
        (["--prompt", "a", "--width", "wide"], "width"),
        (["--prompt", "a", "--width", "NaN"], "width"),
        (["--prompt", "a", "--height", "Infinity"], "height"),
        (["--prompt", "a", "--seed", "true"], "seed"),
        (["--prompt", "a", "--seed", "[1]"], "seed"),
        (["--prompt", "a", "--seed", "-1"], "seed"),
        (["--prompt", "a", "--steps", "9" * 5000], "num_inference_steps"),
        (["--prompt", "a", "--num-frames", "16"], "num_frames"),
        (["--prompt", "a", "--duration", "60"], "duration"),
        (["--prompt", "a", "--duration", "2", "--num-frames", "17"], "duration"),
        (["--prompt", "a", "--guidance-scale", "0"], "guidance_scale"),
        (["--prompt", "a", "--scheduler", "ddim"], "scheduler"),
        (["--prompt", "a", "--flow-shift", "100"], "flow_shift"),
        (["--prompt", "a", "--lora", "./none.safetensors"], "loras"),
        (["--prompt", "a", "--lora", "none"], "loras"),
        (["--prompt", "a", "--lora", "owner/../x.safetensors"], "loras"),
        (["--prompt", "a", "--preset", "best"], "preset"),
        (["--prompt", "a", "--model", "sora"], "model"),
        (["--prompt", "a", "--model", "wan2.1-i2v-14b-480p"], "task"),
        (["--prompt", "a", "--task", "text_to_music"], "task"),
        (["--prompt", "a", "--task", "image_to_video"], "image"),
        (["--task", "image_to_video", "--image", "missing.png"], "image"),
        (["--prompt", "a", "--image", "photo.png"], "image"),
        (["--prompt", "a\nb\x00"], "prompt"),
        (["--prompt", "a (fox:3)"], "prompt"),
        (["--prompt", "a", "--negative-prompt", "(fox:1.2.3)"], "negative_prompt"),
    ],
)
def test_bad_input_is_one_line_that_names_the_field(capsys, arguments, field):
    assert generate(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"{field}: ")
    assert not Path("clip.mp4").exists()


def test_a_model_that_may_not_be_fetched_is_refused(capsys, monkeypatch):
    monkeypatch.setenv("WAN_DEMO_DOWNLOADS", "false")
    assert generate("--prompt", "a", "--model", "wan2.1-t2v-1.3b") == 2
    assert capsys.readouterr().err.startswith("model: ")


def test_a_failure_is_one_line_and_another_status(capsys):
    assert generate("--prompt", "fail") == 1
    assert capsys.readouterr().err == "The fake engine was asked to fail.\n"
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("output", [".", "file/clip.mp4", "clip.gif"])
def test_an_output_that_cannot_be_is_refused_before_the_work(capsys, monkeypatch, output):
    from wan_demo import bootstrap

    Path("file").write_text("in the way")
    monkeypatch.setattr(bootstrap, "make_one_off", lambda *_: pytest.fail("it worked"))
    assert generate("--prompt", "a red circle", output=output) == 2
    said = capsys.readouterr().err
    assert said.startswith("output: ")
    assert said.count("\n") == 1


def test_there_is_a_flag_for_every_control(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["generate", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for name in GenerationRequest.model_fields:
        assert f"--{name.replace('_', '-')}" in text
    assert "--steps" in text


def test_chinese_goes_all_the_way(capsys):
    """With the bundled model: other characters make other frames, and the metadata has them."""
    few = [
        "--width",
        "64",
        "--height",
        "64",
        "--num-frames",
        "9",
        "--steps",
        "2",
        "--seed",
        "1",
    ]
    prompts = {"red": "红色的圆形向右移动", "blue": "蓝色的星形旋转"}
    for name, prompt in prompts.items():
        made = ["generate", *few, "--prompt", prompt, "--negative-prompt", "绿色"]
        assert main([*made, "--output", f"{name}.mp4"]) == 0
        request = read_metadata(Path(f"{name}.mp4"))["request"]
        assert (request["prompt"], request["negative_prompt"]) == (prompt, "绿色")
    red, blue = (read_video(Path(f"{name}.mp4"), (64, 64), 9, 8) for name in prompts)
    assert (red != blue).any()
    assert capsys.readouterr().err == ""


def test_a_model_that_does_not_fit_is_one_line_that_says_what_would(capsys, monkeypatch):
    """On a machine without a GPU, with 24 GB."""
    laptop = Machine("cpu", 0, 0, 24 * GIB, 20 * GIB, 500 * GIB)
    monkeypatch.setattr(workers, "Watch", lambda *_: lambda: laptop)
    arguments = ["--prompt", "a fox", "--model", "wan2.1-t2v-14b"]
    assert main(["generate", *arguments, "--output", "clip.mp4"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Wan2.1 T2V 14B does not fit at ")
    assert said.endswith(" fits.\n")
    assert said.count("\n") == 1


def test_a_clip_needs_a_name(capsys):
    assert main(["generate", "--prompt", "a red circle"]) == 2
    assert capsys.readouterr().err.startswith("output: must be the name of an .mp4 file")


def test_a_model_with_a_typo_is_told_the_nearest_one(capsys):
    assert generate("--prompt", "a", "--model", "wan-tinny") == 2
    assert capsys.readouterr().err.endswith("Nearest: wan-tiny or wan-tiny-vace.\n")
