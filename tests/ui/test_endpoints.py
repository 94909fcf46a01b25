"""The endpoints' signatures, which gradio_client reads."""

from __future__ import annotations

import inspect
from unittest.mock import Mock

import gradio as gr
import pytest

from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.service import Service
from wan_demo.ui import endpoints


@pytest.fixture
def page() -> gr.Blocks:
    with gr.Blocks() as page:
        endpoints.add_endpoints(Mock(Service))
    return page


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        ("text_to_video", {"prompt"}),
        ("image_to_video", {"image"}),
        ("video_to_video", {"video", "prompt"}),
    ],
)
def test_every_parameter_but_prompt_and_medium_has_a_default(page, task: str, needed: set):
    parameters = page.get_api_info()["named_endpoints"][f"/{task}"]["parameters"]
    without = {p["parameter_name"] for p in parameters if not p["parameter_has_default"]}
    assert without == needed


def test_parameters_are_fields_of_the_request_and_documented(page):
    for name, endpoint in page.get_api_info()["named_endpoints"].items():
        for parameter in endpoint["parameters"]:
            assert parameter["parameter_name"] in GenerationRequest.model_fields, name


def test_references_are_several_files(page):
    endpoints = page.get_api_info()["named_endpoints"]
    for task, has in ((Task.TEXT_TO_VIDEO, 1), (Task.IMAGE_TO_VIDEO, 0), (Task.VIDEO_TO_VIDEO, 1)):
        found = [
            each
            for each in endpoints[f"/{task}"]["parameters"]
            if each["parameter_name"] == "reference_images"
        ]
        assert [each["type"]["type"] for each in found] == ["array"] * has


def test_control_is_a_parameter_where_there_are_references(page):
    endpoints = page.get_api_info()["named_endpoints"]
    having = {
        name
        for name, endpoint in endpoints.items()
        if any(each["parameter_name"] == "conditioning_scale" for each in endpoint["parameters"])
    }
    assert having == {"/text_to_video", "/video_to_video"}


@pytest.mark.parametrize("task", list(Task))
def test_they_are_async_and_hold_no_thread(task: Task):
    function = endpoints._endpoint(Mock(endpoints._Calls), task)
    assert inspect.iscoroutinefunction(function)
    assert "Args:" in (function.__doc__ or "")


def test_what_came_later_stands_behind_what_was_there(page):
    endpoint = page.get_api_info()["named_endpoints"]["/video_to_video"]
    names = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
    assert names[:3] == ["video", "prompt", "strength"]
    assert names.index("loras") < names.index("method") == len(names) - 15
    (mask,) = [p for p in endpoint["parameters"] if p["parameter_name"] == "mask"]
    assert mask["python_type"]["type"] == "filepath"


@pytest.mark.parametrize("value", [["a", "b"], {"a": 1}, 5, True])
def test_what_is_no_text_stays_what_it_is_and_is_refused_as_such(value):
    for name in ("prompt", "negative_prompt", "source_prompt"):
        assert endpoints._component(name).preprocess(value) is value
