"""A person's own models, read from models.toml into specs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from wan_demo import catalog
from wan_demo.catalog import BUILT_IN, Catalog
from wan_demo.catalog.own import FILE, KEYS, at_path, id_of, with_own
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.domain.rules import complete
from wan_demo.domain.source import Source
from wan_demo.errors import InvalidRequest

ROOT = Path(__file__).resolve().parents[2]
BASE = catalog.find("wan2.1-t2v-14b")
A14B = catalog.find("wan2.2-t2v-a14b")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    (tmp_path / "mine" / "transformer").mkdir(parents=True)
    for name in ("mine.safetensors", "high-Q4_K_M.gguf", "low-Q4_K_M.gguf", "old.ckpt"):
        (tmp_path / name).touch()


def read(tmp_path: Path, text: str) -> Catalog:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    return with_own(BUILT_IN, tmp_path)


def one(tmp_path: Path, **keys: object) -> ModelSpec:
    found = read(tmp_path, entry(**keys))
    assert found.faults == ()
    (spec,) = found.models[len(BUILT_IN.models) :]
    return spec


def entry(**keys: object) -> str:
    given = {"id": "mine", "base": BASE.id, **keys}
    lines = [f"{key} = {_toml(value)}" for key, value in given.items() if value is not None]
    return "\n".join(["[[model]]", *lines, ""])


def _toml(value: object) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_no_file_is_no_fault(tmp_path):
    assert with_own(BUILT_IN, tmp_path) == BUILT_IN


def test_a_folder_takes_the_bases_place(tmp_path):
    spec = one(tmp_path, title="My own", folder="mine", licence="CC-BY-4.0")
    assert (spec.id, spec.title, spec.licence) == ("mine", "My own", "CC-BY-4.0")
    assert spec.weights.base == tmp_path / "mine"
    assert (spec.download_bytes, spec.bundled) == (0, True)
    named = {n: getattr(spec, n) for n in ("id", "title", "summary", "licence", "weights")}
    assert spec == replace(BASE, **named)


def test_an_absolute_path_is_taken_as_it_is(tmp_path):
    assert one(tmp_path, folder=str(tmp_path / "mine")).weights.base == tmp_path / "mine"


def test_a_single_file_comes_over_the_bases_other_parts(tmp_path):
    spec = one(tmp_path, transformer="mine.safetensors")
    base = spec.weights.base
    assert isinstance(base, Source)
    assert "transformer/*" not in base.patterns
    assert {"text_encoder/*", "vae/*", "transformer/config.json"} <= {*base.patterns}
    assert spec.weights.replaced == {"transformer": tmp_path / "mine.safetensors"}
    assert 20e9 < spec.download_bytes < 30e9  # the text encoder in 32 bits


def test_two_experts_take_two_files(tmp_path):
    pair = {"transformer": "high-Q4_K_M.gguf", "transformer_2": "low-Q4_K_M.gguf"}
    spec = one(tmp_path, base=A14B.id, **pair)
    assert spec.weights.replaced == {part: tmp_path / name for part, name in pair.items()}
    assert spec.weights.bits["transformer_2"] == 5.4
    assert spec.download_bytes < A14B.download_bytes / 5


def test_a_repo_is_a_folder_or_holds_files(tmp_path):
    assert one(tmp_path, repo="ada/mine").weights.base == Source("ada/mine")
    spec = one(tmp_path, repo="ada/mine", revision="v2", file="a/mine-Q6_K.gguf")
    assert spec.weights.replaced == {"transformer": Source("ada/mine", "v2", ("a/mine-Q6_K.gguf",))}
    assert spec.weights.bits["transformer"] == 6.9


def test_defaults_are_the_models_own(tmp_path):
    spec = one(
        tmp_path,
        folder="mine",
        num_inference_steps=6,
        guidance_scale=1.0,
        flow_shift=8,
        width=832,
        height=480,
        num_frames=33,
        negative_prompt="",
        strength=0.5,
    )
    request = complete({"task": Task.TEXT_TO_VIDEO, "prompt": "a fox"}, spec)
    assert (request.num_inference_steps, request.guidance_scale) == (6, 1.0)
    assert (request.width, request.height, request.num_frames) == (832, 480, 33)
    assert request.negative_prompt == ""
    assert {resolution.flow_shift for resolution in spec.resolutions} == {8.0}
    assert {preset.overrides["num_inference_steps"] for preset in spec.presets} == {6}
    restyled = {"task": Task.VIDEO_TO_VIDEO, "prompt": "a fox", "video": "x"}
    assert complete(restyled, spec).strength == 0.5


def test_two_experts_have_two_guidances(tmp_path):
    pair = {"transformer": "high-Q4_K_M.gguf", "transformer_2": "low-Q4_K_M.gguf"}
    spec = one(tmp_path, base=A14B.id, **pair, guidance_scale=3.0, guidance_scale_2=2.0)
    assert (spec.defaults.guidance_scale, spec.defaults.guidance_scale_2) == (3.0, 2.0)


PAIR = {"transformer": "high-Q4_K_M.gguf", "transformer_2": "low-Q4_K_M.gguf"}
REFUSED = [
    ({"id": None}, "id", "lower-case"),
    ({"id": "My Model"}, "id", "'My Model'"),
    ({"id": "../x"}, "id", "lower-case"),
    ({"id": "wan-tiny"}, "id", "no other model has"),
    ({"id": 5}, "id", "text"),
    ({"base": None}, "base", "wan2.1-t2v-14b"),
    ({"base": "wan2.1-t2v-14"}, "base", "Nearest: wan2.1-t2v-14b"),
    ({"base": "mine"}, "base", "must be one of"),
    ({"folder": None}, "folder", "one of them"),
    ({"repo": "ada/mine"}, "folder", "folder and repo"),
    ({"folder": "nowhere"}, "folder", "transformer/"),
    ({"folder": "."}, "folder", "transformer/"),
    ({"folder": "~nobody-of-that-name/x"}, "folder", "transformer/"),
    ({"folder": "x" * 400}, "folder", "transformer/"),
    ({"folder": None, "transformer": "x" * 400 + ".gguf"}, "transformer", "that exists"),
    ({"folder": None, "transformer": "old.ckpt"}, "transformer", ".safetensors or .gguf"),
    ({"folder": None, "transformer": "gone.gguf"}, "transformer", "that exists"),
    ({"folder": None, **PAIR}, "transformer_2", "one transformer"),
    ({"folder": None, "base": A14B.id, "transformer": "high-Q4_K_M.gguf"}, "transformer_2", "two"),
    ({"transformer_2": "low-Q4_K_M.gguf"}, "transformer_2", "only with transformer"),
    ({"revision": "main"}, "revision", "only with repo"),
    ({"folder": None, "repo": "../../etc"}, "repo", "owner/name"),
    ({"folder": None, "repo": "ada/mine", "revision": "../x"}, "revision", "branch"),
    ({"folder": None, "repo": "ada/mine", "file": "../x.gguf"}, "file", "in the repo"),
    ({"folder": None, "repo": "ada/mine", "file": "/x.gguf"}, "file", "in the repo"),
    ({"folder": None, "repo": "ada/mine", "file": "*.gguf"}, "file", "in the repo"),
    ({"folder": None, "repo": "ada/mine", "file": "x.bin"}, "file", "in the repo"),
    ({"title": "a\u202eb"}, "title", "one line"),
    ({"licence": 5}, "licence", "text"),
    ({"steps": 4}, "steps", "is no key"),
    ({"guidance": 4}, "guidance", "Nearest: guidance_scale"),
    ({"num_inference_steps": 0}, "num_inference_steps", "from 1 to 100"),
    ({"num_inference_steps": "many"}, "num_inference_steps", "whole number"),
    ({"num_inference_steps": True}, "num_inference_steps", "number"),
    ({"num_frames": 80}, "num_frames", "Nearest: 77 or 81"),
    ({"width": 100}, "width", "multiple of 16"),
    ({"guidance_scale": float("nan")}, "guidance_scale", "from 1 to 20"),
    ({"guidance_scale_2": 3.0}, "guidance_scale_2", "not used"),
    ({"conditioning_scale": 1.0}, "conditioning_scale", "not used"),
    ({"flow_shift": 0}, "flow_shift", "above 0"),
    ({"flow_shift": True}, "flow_shift", "above 0"),
    ({"flow_shift": float("inf")}, "flow_shift", "up to 100"),
]


@pytest.mark.parametrize(("keys", "key", "said"), REFUSED)
def test_an_entry_that_cannot_be_is_told_and_left_out(tmp_path, keys, key, said):
    bad, good = entry(**{"folder": "mine", **keys}), entry(id="good", folder="mine")
    found = read(tmp_path, bad + good)
    assert found.ids[len(BUILT_IN.models) :] == ["good"]
    (fault,) = found.faults
    assert fault.startswith("models.toml, model ")
    assert f": {key}: " in fault
    assert said in fault
    assert "\n" not in fault
    assert str(tmp_path) not in fault


def test_two_of_one_id_are_told_apart(tmp_path):
    found = read(tmp_path, entry(folder="mine") * 2)
    assert found.ids[len(BUILT_IN.models) :] == ["mine"]
    assert "no other model has" in found.faults[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[model]\n", "is no TOML"),
        ("id = 'x'", "'id'"),
        ("model = 5", "nothing but"),
        ("[[models]]\nid = 'x'", "'models'"),
        ("x = " + "[" * 5000, "is no TOML"),
        ("#" * (2**20 + 1), "1,048,576 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_keeps_no_built_in_model_away(tmp_path, text, said):
    found = read(tmp_path, text)
    assert found.models == BUILT_IN.models
    (fault,) = found.faults
    assert fault.startswith("models.toml: ")
    assert said in fault


def test_other_bytes_and_other_things_of_that_name_are_told(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff\xfe[[model]]")
    assert "is no TOML" in with_own(BUILT_IN, tmp_path).faults[0]
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert "can't be read" in with_own(BUILT_IN, tmp_path).faults[0]


def test_a_number_that_cannot_be_written_out_is_refused_like_any_other(tmp_path):
    bad = entry(folder="mine") + "flow_shift = 0x" + "f" * 5000 + "\n"
    assert "too long to be shown" in read(tmp_path, bad).faults[0]


def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / FILE)
    assert "can't be read" in with_own(BUILT_IN, tmp_path).faults[0]
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).symlink_to("/dev/zero")
    assert "can't be read" in with_own(BUILT_IN, tmp_path).faults[0]


def test_an_unknown_id_points_to_the_faults(tmp_path):
    found = read(tmp_path, entry(folder="nowhere"))
    with pytest.raises(InvalidRequest, match="wan_demo models"):
        found.find("mine")


def test_a_path_is_a_model_too(tmp_path):
    folder = at_path(tmp_path / "mine", BASE)
    assert (folder.id, folder.weights.base) == ("local-mine", tmp_path / "mine")
    file = at_path(tmp_path / "high-Q4_K_M.gguf", BASE)
    assert (file.id, file.weights.bits["transformer"]) == ("local-high-q4-k-m", 5.4)
    assert id_of(Path("...")) == "local-model"


def test_every_key_is_documented():
    text = (ROOT / "docs" / "own-models.md").read_text()
    assert [key for key in KEYS if f"`{key}`" not in text] == []
