"""The page in another site's document, where relative addresses lead elsewhere."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio.context import LocalContext

from wan_demo.api.app import create_app
from wan_demo.ui.away import at_home, serve_script

SHOWN = "<video src='files/a' poster='files/b'></video><a href='files/c'>files/d</a><img src='x'>"


@pytest.fixture
def ask():
    """Answers as if a request had come from the document of a root."""

    def answer(root: str, updates: dict) -> dict:
        request = SimpleNamespace(request=SimpleNamespace(state=SimpleNamespace(away=root)))
        token = LocalContext.request.set(request)  # pyright: ignore[reportArgumentType]
        try:
            return at_home(updates)
        finally:
            LocalContext.request.reset(token)

    return answer


def test_addresses_become_whole_ones_there(ask):
    part = gr.HTML()
    shown = ask("https://wan.example/wan", {part: SHOWN})[part]
    for name in "abc":
        assert f"'https://wan.example/wan/files/{name}'" in shown
    assert ">files/d<" in shown
    assert "<img src='x'>" in shown


def test_what_people_wrote_stays_as_it_is(ask):
    prompt = gr.Textbox()
    assert ask("https://wan.example", {prompt: "src='files/a'"}) == {prompt: "src='files/a'"}


def test_a_page_of_its_own_keeps_relative_ones(ask):
    part = gr.HTML()
    assert ask("", {part: SHOWN}) == {part: SHOWN}
    assert at_home({part: SHOWN}) == {part: SHOWN}


def test_the_script_of_the_tag_comes_from_the_app_itself(links):
    app = create_app(links, {}, lambda: None, lambda: None)
    serve_script(app)
    answer = TestClient(app).get("/gradio.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "import(" in answer.text
    assert ".css" in answer.text
