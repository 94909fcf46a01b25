from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from wan_demo.api.app import create_app
from wan_demo.errors import StorageAway
from wan_demo.media.links import LINK_HOURS, Links


def _away(_job_id: str) -> bool:
    raise StorageAway


def test_while_nobody_can_say_whether_it_was_deleted_nothing_is_served(folder):
    name = folder.video_of("job", 1, 0)
    folder.video(name).touch()
    links = Links(folder, _away)
    answer = TestClient(create_app(links, {}, lambda: None, lambda: None)).get(
        f"/{links.video(name)}"
    )
    assert answer.status_code == 503
    assert "can't be reached" in answer.json()["detail"]


@pytest.fixture
def address(folder, links) -> str:
    name = folder.video_of("job", 1, 0)
    folder.video(name).write_bytes(bytes(range(100)))
    return f"/{links.video(name)}"


def test_a_video_is_served_whole_and_as_a_video(client, address):
    answer = client.get(address)
    assert (answer.status_code, answer.content) == (200, bytes(range(100)))
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("private")
    assert "content-disposition" not in answer.headers


def test_a_player_may_ask_for_a_part(client, address):
    answer = client.get(address, headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, bytes(range(10, 20)))
    assert answer.headers["content-range"] == "bytes 10-19/100"


def test_head_tells_the_size(client, address):
    answer = client.head(address)
    assert (answer.status_code, answer.headers["content-length"]) == (200, "100")


def test_a_download_has_a_name(client, address):
    disposition = client.get(f"{address}?download=true").headers["content-disposition"]
    assert disposition.startswith("attachment")
    assert disposition.endswith('.mp4"')


def test_a_preview_is_a_picture(client, folder, links):
    folder.preview("job").write_bytes(b"webp")
    answer = client.get(f"/{links.preview('job')}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")


def test_a_source_is_a_video_too(client, folder, links):
    folder.source("job").write_bytes(bytes(range(100)))
    answer = client.get(f"/{links.source('job')}", headers={"Range": "bytes=90-"})
    assert (answer.status_code, answer.content) == (206, bytes(range(90, 100)))
    assert answer.headers["content-type"] == "video/mp4"


@pytest.mark.parametrize("token", ["x", "x.y", "..%2f..%2fsecret", "%00", "é"])
def test_a_forged_address_is_not_found(client, address, token):
    assert client.get(f"/files/{token}").status_code == 404
    assert client.get(f"{address[:-8]}AAAAAAAA").status_code == 404


def test_an_expired_address_is_not_found(client, address, monkeypatch):
    late = time.time() + (LINK_HOURS + 2) * 3600
    monkeypatch.setattr(time, "time", lambda: late)
    assert client.get(address).status_code == 404


def test_files_cannot_be_listed(client):
    assert client.get("/files/").status_code == 404
    assert client.get("/files").status_code == 404


PARTS = [{}, {"range": "bytes=10-19"}, {"range": "bytes=0-9,20-29"}]


@pytest.mark.parametrize("part", PARTS)
def test_a_clip_that_is_removed_between_check_and_send_is_not_found(folder, part):
    name = folder.video_of("job", 1, 0)

    def remove(_job_id: str) -> bool:
        folder.video(name).unlink()
        return False

    links = Links(folder, remove)
    folder.video(name).write_bytes(bytes(range(100)))
    app = create_app(links, {}, lambda: None, lambda: None)
    answer = TestClient(app).get(f"/{links.video(name)}", headers=part)
    assert (answer.status_code, "no such file" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize(("part", "size"), [*zip(PARTS, (100, 10, 20), strict=True)])
def test_a_clip_that_was_promised_is_sent_whole_whatever_becomes_of_it(
    client, folder, address, part, size
):
    """TestClient reads nothing before the end, so that this talks to the application itself."""
    said: list[dict[str, Any]] = []

    async def hear() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)
        folder.video(folder.video_of("job", 1, 0)).unlink(missing_ok=True)

    headers = [(name.encode(), value.encode()) for name, value in part.items()]
    scope = {"type": "http", "method": "GET", "path": address, "headers": headers}
    scope |= {"query_string": b"", "scheme": "http", "http_version": "1.1", "asgi": {}}
    asyncio.run(client.app(scope, hear, send))
    body = b"".join(each.get("body", b"") for each in said[1:])
    promised = int(dict(said[0]["headers"])[b"content-length"])
    assert said[0]["status"] in (200, 206)
    assert len(body) == promised >= size
