from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.makers import grays, save_video, until
from wan_demo.api.glimpses import glimpses_router
from wan_demo.media.decode import probe
from wan_demo.media.glimpse import Glimpses


@pytest.fixture
def glimpses() -> Glimpses:
    return Glimpses()


@pytest.fixture
def client(glimpses) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(glimpses_router(glimpses))

    @app.get("/page")
    def page() -> str:
        return "here"

    with TestClient(app) as made:
        yield made


@pytest.fixture
def address(glimpses, tmp_path) -> str:
    path = save_video(tmp_path / "clip.mp4", grays(9))
    return "/" + glimpses.address(path, probe(path, "video"))


@pytest.mark.parametrize("what", ["strip", "frame", "frame?at=0.5", "frame?at=500"])
def test_pictures_come_to_who_has_the_address(client, address, what):
    answer = client.get(f"{address}/{what}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["cache-control"].startswith("private")
    assert answer.content[8:12] == b"WEBP"


@pytest.mark.parametrize("at", ["-1", "nan", "inf", "1e9", "x", ""])
def test_what_is_no_moment_is_refused(client, address, at):
    assert client.get(f"{address}/frame?at={at}").status_code == 422


@pytest.mark.parametrize("token", ["0" * 64, "x", "..%2f..%2fetc%2fhostname", "%00"])
def test_nobody_finds_a_video(client, address, token):
    assert client.get(f"/glimpses/{token}/strip").status_code == 404
    assert client.get(f"/glimpses/{token}/frame").status_code == 404
    assert client.get("/glimpses/").status_code == 404


def test_a_video_that_is_gone_is_not_found(client, address, tmp_path):
    (tmp_path / "clip.mp4").unlink()
    answer = client.get(f"{address}/strip")
    assert answer.status_code == 404
    assert "tmp" not in answer.text


def test_who_waits_for_pictures_takes_no_thread_from_the_page(client, glimpses, monkeypatch):
    """More of them than there are threads, and one picture that never comes."""
    asked, may_go = [], threading.Event()

    def never(token: str) -> bytes:
        asked.append(token)
        may_go.wait(60)
        return b""

    monkeypatch.setattr(glimpses, "strip", never)
    crowd = [threading.Thread(target=client.get, args=(f"/glimpses/{n}/strip",)) for n in range(60)]
    for each in crowd:
        each.start()
    until(lambda: asked)
    try:
        assert client.get("/page").json() == "here"
        assert len(asked) == 1
    finally:
        may_go.set()
        for each in crowd:
            each.join()
