"""What nobody needs is not there; what is needed is asked for in all other tests."""

from __future__ import annotations

import pytest

from tests.fuzz.wire import routes_of
from wan_demo.api.app import create_app
from wan_demo.api.reach import is_open

SHUT = (
    *("/pwa_icon/30000", "/pwa_icon/-1", "/monitoring/summary", "/svelte/a", "/docs"),
    "/gradio_api/file=https://example.com/film.mp4",
    "/gradio_api/file=HTTP://example.com/film.mp4",
    "/gradio_api/file/https://example.com/film.mp4",
    "/gradio_api/proxy=https://example.com/",
    "/gradio_api/process_recording",
    "/gradio_api/custom_component/html/client/a/b.js",
    "/gradio_api/dev/reload",
    "/gradio_api/deep_link",
    "/gradio_api/component_server",
    "/gradio_api/stream/a/close",
    "/gradio_api/vibe-edit",
    "/gradio_api/upload/",
    "/gradio_api/mcp/",
)

OPEN = (
    "/gradio_api/file=/tmp/gradio/ab/film.mp4",
    r"/gradio_api/file=C:\Users\ada\film.mp4",
    "/gradio_api/file=/tmp/gradio/ab/https: a film.mp4",
    "/gradio_api/call/v2/text_to_video/a1b2",
    "/static/img/logo.svg",
)


@pytest.mark.parametrize("path", SHUT)
def test_what_nobody_needs_is_not_there(client, path):
    assert not is_open(path)
    assert client.post(path).status_code == 404


@pytest.mark.parametrize("path", OPEN)
def test_what_is_needed_is(path):
    assert is_open(path)


def test_every_route_of_ours_is(links):
    app = create_app(links, {}, lambda: None, lambda: None)
    paths = {path for _, path in routes_of(app)}
    assert "/files/{token}" in paths
    assert [path for path in paths if not is_open(path)] == []
