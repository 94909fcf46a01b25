"""Styles: words around a person's own description."""

from __future__ import annotations

import pytest

from wan_demo import catalog
from wan_demo.catalog import templates
from wan_demo.domain.request import Task
from wan_demo.domain.rules import complete

STYLES = {template.name: template for template in templates.STYLES}
RECOLORS = {template.name: template for template in templates.RECOLORS}


def test_a_style_keeps_what_the_person_said():
    prompt = STYLES["Watercolor"].prompt(" a fox in the snow. ")
    assert prompt.startswith("A watercolor painting of a fox in the snow. ")
    assert STYLES["Watercolor"].scene(prompt) == "a fox in the snow"
    assert STYLES["Anime"].scene(prompt) is None
    assert "the same scene" in STYLES["Anime"].prompt("")


@pytest.mark.parametrize(
    ("scene", "prompt"),
    [
        ("a red circle moving right on a black background", "a cyan circle moving right"),
        ("a Cyan star", "a cyan star"),
        ("circle", "a cyan circle"),
        ("", "a cyan shape"),
    ],
)
def test_another_color_takes_the_place_of_the_first(scene, prompt):
    assert RECOLORS["Cyan"].prompt(scene).startswith(prompt)


@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
def test_a_model_can_do_its_templates(spec):
    if Task.VIDEO_TO_VIDEO not in spec.tasks:
        pytest.skip("does not edit")
    for template in templates.of(spec):
        method = template.method if template.method in spec.methods(Task.VIDEO_TO_VIDEO) else None
        asked = {"strength": template.strength} if method else {}
        request = complete(
            {
                "task": "video_to_video",
                "video": "x",
                "prompt": template.prompt("a red circle"),
                "negative_prompt": template.negative_prompt,
                "method": method,
                **asked,
            },
            spec,
        )
        assert request.effective_steps > 0


def test_the_bundled_model_knows_the_words_of_its_own():
    vocabulary = catalog.BUNDLED.vocabulary
    assert vocabulary is not None
    for template in templates.of(catalog.BUNDLED):
        assert set(template.prompt("").split()) <= vocabulary.words
