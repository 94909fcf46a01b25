from __future__ import annotations

from random import Random

import pytest

from wan_demo import catalog
from wan_demo.domain.medium import Medium
from wan_demo.domain.notes import unknown_words
from wan_demo.domain.request import Task
from wan_demo.domain.rules import complete
from wan_demo.domain.size import nearest_sides
from wan_demo.errors import InvalidRequest

MODELS = pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
MEDIA = {
    Task.IMAGE_TO_VIDEO: {"image": Medium("image", 1024, 768)},
    Task.VIDEO_TO_VIDEO: {"video": Medium("video", 1024, 768, 90, 30.0, 9.0)},
}


def run(spec, task, **changes):
    media = MEDIA.get(task, {})
    given = {"task": task, "prompt": "a red circle", **dict.fromkeys(media, "file"), **changes}
    return complete(given, spec, next(iter(media.values()), None))


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
    assert [preset.name for preset in spec.presets] == ["Draft", "Balanced", "Quality"]
    for preset in spec.presets:
        request = run(spec, Task.TEXT_TO_VIDEO, **preset.overrides)
        assert dict(preset.overrides).items() <= request.model_dump().items()


@MODELS
def test_the_ratio_buttons_give_sizes_that_the_model_can_do(spec):
    for ratio, (width, height) in spec.sizes.items():
        wide, high = map(int, ratio.split(":"))
        assert width / height == pytest.approx(wide / high, rel=0.06)
        run(spec, Task.TEXT_TO_VIDEO, width=width, height=height)


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
    folder = catalog.ASSETS / catalog.BUNDLED.source
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert max(sizes) <= 9e6
    assert sum(sizes) <= 24e6
    assert (folder / "model_index.json").is_file()


def test_the_largest_checkpoint_that_fits_is_proposed():
    needs = sorted((spec.gpu_bytes, spec.id) for spec in catalog.MODELS if spec.gpu_bytes)
    assert catalog.best_for(0) is None
    assert catalog.best_for(needs[0][0] - 1) is None
    for gpu_bytes, model in needs:
        best = catalog.best_for(gpu_bytes)
        assert best is not None
        assert best.id == model


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
