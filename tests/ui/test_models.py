"""The list of models and the resolutions of the chosen one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wan_demo import catalog
from wan_demo.domain.request import Task
from wan_demo.domain.rules import complete
from wan_demo.media.folder import DataFolder
from wan_demo.service import Service
from wan_demo.ui import models

LARGE = catalog.find("wan2.1-t2v-14b")


def test_what_is_here_comes_first_then_what_fits(store, folder: DataFolder, monkeypatch):
    here, fitting = "wan2.2-t2v-a14b-gguf", "wan2.1-t2v-1.3b"
    service = Service(store, folder, "wan-tiny", is_available=lambda spec: spec.id == here)
    monkeypatch.setattr(service, "fits", lambda spec: spec.id == fitting)
    listed = models.ordered(service, Task.TEXT_TO_VIDEO)
    assert [spec.id for spec in listed[:3]] == [here, fitting, "wan-tiny"]
    assert all(Task.TEXT_TO_VIDEO in spec.tasks for spec in listed)
    said = {value: label for label, value in models.choices(service, Task.TEXT_TO_VIDEO)}
    assert " · ready · " in said[here]
    assert " · 29 GB · " in said[fitting]


@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
def test_every_pair_of_buttons_is_a_size_that_the_model_makes(spec):
    task, form = spec.tasks[0], {"width": 640, "height": 360}
    media = dict.fromkeys(spec.needs(task), "file")
    for resolution in spec.resolutions:
        for ratio in (*resolution.sizes, None):
            size = models.size_at(spec, resolution.name, ratio, form)
            assert size is not None
            given = {"task": task, "prompt": "x", "width": size[0], "height": size[1]}
            complete({**given, **media}, spec)
            assert spec.resolution(*size) is resolution


def test_a_ratio_of_ones_own_is_kept():
    width, height = models.size_at(LARGE, "720p", None, {"width": 832, "height": 352}) or (0, 0)
    assert width / height == pytest.approx(832 / 352, rel=0.05)


def test_no_resolution_and_no_numbers():
    assert models.size_at(LARGE, "1080p", "16:9", {}) is None
    assert models.size_at(LARGE, "480p", None, {"width": "wide", "height": None}) == (832, 480)


def test_the_shift_is_told_where_resolutions_differ_in_it():
    box = models.resolution_of(LARGE, {"width": 1280, "height": 720})
    assert (box["value"], box["visible"], box["info"]) == ("720p", True, None)
    low, high = LARGE.resolutions
    differing = replace(LARGE, resolutions=(replace(low, flow_shift=3.0), high))
    assert models.resolution_of(differing, {})["info"] == "Flow shift: 3 at 480p, 5 at 720p."
    assert models.resolution_of(catalog.BUNDLED, {})["visible"] is False
