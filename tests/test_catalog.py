from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from wan_demo import catalog
from wan_demo.domain.medium import Medium
from wan_demo.domain.notes import unknown_words
from wan_demo.domain.request import Task
from wan_demo.domain.rules import complete
from wan_demo.domain.size import nearest_sides
from wan_demo.domain.source import Source
from wan_demo.errors import InvalidRequest

MODELS = pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
MEDIA = {
    Task.IMAGE_TO_VIDEO: Medium("image", 1024, 768),
    Task.VIDEO_TO_VIDEO: Medium("video", 1024, 768, 90, 30.0, 9.0),
}

# Size, frames, fps, steps, guidance (high noise), guidance (low noise), flow shift by resolution,
# boundary, solver: from the model cards, generate.py and wan/configs of Wan-Video/Wan2.1 and
# Wan2.2, ModelTC/Wan2.2-Lightning, and FastVideo.
OFFICIAL = {
    "wan2.1-t2v-1.3b": ((832, 480), 81, 16, 50, 5.0, None, {"480p": 5}, None, "unipc"),
    "wan2.1-t2v-14b": ((832, 480), 81, 16, 50, 5.0, None, {"480p": 5, "720p": 5}, None, "unipc"),
    "wan2.1-i2v-14b-480p": ((832, 480), 81, 16, 40, 5.0, None, {"480p": 3}, None, "unipc"),
    "wan2.1-i2v-14b-720p": (
        *((1280, 720), 81, 16, 40, 5.0, None),
        *({"480p": 3, "720p": 5}, None, "unipc"),
    ),
    "wan2.1-flf2v-14b-720p": ((1280, 720), 81, 16, 50, 5.5, None, {"720p": 16}, None, "unipc"),
    "wan2.1-vace-1.3b": ((832, 480), 81, 16, 50, 5.0, None, {"480p": 16}, None, "unipc"),
    "wan2.1-vace-14b": (
        *((832, 480), 81, 16, 50, 5.0, None),
        *({"480p": 16, "720p": 16}, None, "unipc"),
    ),
    "wan2.2-t2v-a14b": (
        *((832, 480), 81, 16, 40, 4.0, 3.0),
        *({"480p": 12, "720p": 12}, 0.875, "unipc"),
    ),
    "wan2.2-i2v-a14b": (
        *((832, 480), 81, 16, 40, 3.5, 3.5),
        *({"480p": 5, "720p": 5}, 0.9, "unipc"),
    ),
    "wan2.2-ti2v-5b": ((1280, 704), 121, 24, 50, 5.0, None, {"720p": 5}, None, "unipc"),
    "wan2.2-t2v-a14b-lightning": (
        *((832, 480), 81, 16, 4, 1.0, 1.0),
        *({"480p": 5, "720p": 5}, 0.875, "euler"),
    ),
    "wan2.2-i2v-a14b-lightning": (
        *((832, 480), 81, 16, 4, 1.0, 1.0),
        *({"480p": 5, "720p": 5}, 0.9, "euler"),
    ),
    "fastwan2.2-ti2v-5b": ((1280, 704), 121, 24, 3, 1.0, None, {"720p": 5}, None, "dmd"),
}


def run(spec, task, **changes):
    medium = MEDIA.get(task)
    files = dict.fromkeys(spec.needs(task), "file")
    given = {"task": task, "prompt": "a red circle", **files, **changes}
    return complete(given, spec, medium)


@pytest.mark.parametrize("model", OFFICIAL)
def test_the_defaults_are_the_official_ones(model):
    spec = catalog.find(model)
    defaults = spec.defaults
    assert OFFICIAL[model] == (
        *(defaults.size, defaults.num_frames, defaults.fps, defaults.num_inference_steps),
        *(defaults.guidance_scale, defaults.guidance_scale_2),
        *({r.name: r.flow_shift for r in spec.resolutions}, spec.boundary_ratio, spec.scheduler),
    )


@pytest.mark.parametrize(
    ("model", "gigabytes"),
    [  # the snapshots' bytes on the hub at the pinned revisions, without the LoRA files
        ("wan2.1-t2v-1.3b", 28.93),
        ("wan2.1-t2v-14b", 80.41),
        ("wan2.1-i2v-14b-480p", 90.10),
        ("wan2.2-t2v-a14b", 126.20),
        ("wan2.2-ti2v-5b", 34.20),
        ("fastwan2.2-ti2v-5b", 24.20),
    ],
)
def test_the_download_is_reckoned_well(model, gigabytes):
    assert catalog.find(model).download_bytes / 1e9 == pytest.approx(gigabytes, rel=0.002)


def test_a_gguf_form_is_fetched_without_the_weights_that_it_replaces():
    spec = catalog.find("wan2.2-t2v-a14b-gguf")
    base = spec.weights.base
    assert isinstance(base, Source)
    assert "transformer/config.json" in base.patterns
    assert "transformer/*" not in base.patterns
    assert {"vae/*", "text_encoder/*", "tokenizer/*"} <= set(base.patterns)
    assert set(spec.weights.replaced) == {"transformer", "transformer_2"}


def test_every_revision_is_a_commit_or_marked_unverified():
    for spec in catalog.MODELS:
        for source in spec.weights.sources:
            assert source.commit or not spec.weights.is_verified, spec.id


def test_ids_are_unique_and_found():
    ids = [spec.id for spec in catalog.MODELS]
    assert len(set(ids)) == len(ids)
    assert [catalog.find(each).id for each in ids] == ids


def test_an_unknown_model_is_refused_with_those_that_exist():
    with pytest.raises(InvalidRequest, match="wan-tiny") as caught:
        catalog.find("sora")
    assert caught.value.field == "model"


@MODELS
def test_the_defaults_of_a_model_are_what_it_can_do(spec):
    for task in spec.tasks:
        request = run(spec, task)
        assert request.model == spec.id


@MODELS
def test_the_presets_of_a_model_are_what_it_can_do(spec):
    names = [preset.name for preset in spec.presets]
    usual = [name for name in names if name != "Lightning"]
    assert usual in (["Draft", "Balanced", "Quality"], ["Draft", "Quality"])
    for preset in spec.presets:
        request = run(spec, spec.tasks[0], **preset.overrides)
        assert {name: getattr(request, name) for name in preset.overrides} == preset.overrides


@pytest.mark.parametrize("task", ["t2v", "i2v"])
def test_the_lightning_preset_is_the_lightning_spec(task):
    base = catalog.find(f"wan2.2-{task}-a14b")
    own = catalog.find(f"wan2.2-{task}-a14b-lightning")
    preset = next(preset for preset in base.presets if preset.name == "Lightning")
    request = run(base, base.tasks[0], **preset.overrides)
    (lora,) = request.loras
    high, low = (own.weights.loras[part] for part in ("transformer", "transformer_2"))
    assert lora.source(has_pair=True).patterns == (*high.patterns, *low.patterns)
    assert (lora.source(True).repo, lora.source(True).commit) == (high.repo, high.commit)
    assert base.solver(request) == own.solver(run(own, own.tasks[0]))
    for name in ("num_inference_steps", "guidance_scale", "guidance_scale_2"):
        assert getattr(request, name) == getattr(own.defaults, name)


@MODELS
def test_the_ratio_buttons_give_sizes_that_the_model_can_do(spec):
    sizes = [each for resolution in spec.resolutions for each in resolution.sizes.items()]
    for ratio, (width, height) in sizes:
        wide, high = map(int, ratio.split(":"))
        assert width / height == pytest.approx(wide / high, rel=0.06)
        run(spec, spec.tasks[0], width=width, height=height)


@MODELS
def test_the_bounds_of_a_model_are_themselves_allowed(spec):
    limits = spec.limits
    for side in (limits.min_side, limits.max_side):
        assert nearest_sides(side, limits) == (side,)
    for frames in (limits.min_frames, limits.max_frames, spec.defaults.num_frames):
        assert frames % 4 == 1


@MODELS
def test_every_task_has_examples(spec):
    for task in spec.tasks:
        assert spec.examples[task]
        for example in spec.examples[task]:
            run(spec, task, prompt=example.prompt)


def test_the_bundled_models_examples_are_in_its_vocabulary():
    vocabulary = catalog.BUNDLED.vocabulary
    assert vocabulary is not None
    for examples in catalog.BUNDLED.examples.values():
        for example in examples:
            assert unknown_words(example.prompt, vocabulary) == []
    assert vocabulary.better_model in [spec.title for spec in catalog.MODELS]


def test_the_bundled_model_is_there_and_small():
    folder = catalog.BUNDLED.weights.base
    assert isinstance(folder, Path)
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert max(sizes) <= 9e6
    assert sum(sizes) <= 24e6
    assert (folder / "model_index.json").is_file()


def test_the_bundled_model_knows_every_word_of_its_training_captions():
    captions = pytest.importorskip("training.captions")
    shapes = pytest.importorskip("training.shapes")
    rng, strange = Random(0), set()
    vocabulary = catalog.BUNDLED.vocabulary
    assert vocabulary is not None
    for _ in range(3000):
        labels = shapes.random_labels(rng)
        strange.update(unknown_words(captions.random_caption(labels, rng), vocabulary))
    assert strange == set()
