"""Who waits for a file to be opened holds no thread that others need."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.makers import until
from tests.ui.pressing import press_event
from tests.ui.serving import served_page
from wan_demo.errors import UnreadableMedium
from wan_demo.media import decode
from wan_demo.media.decode import MAX_AT_ONCE, NotHere, read_comment, without_opening
from wan_demo.media.probed import probed
from wan_demo.ui import values
from wan_demo.ui.aside import EACH, run_aside

CROWD = 60
"""More than there are threads."""


class Stuck:
    """A child process that does not end before it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_go = threading.Event()

    def __call__(self, *_: Any) -> None:
        self.asked += 1
        self.may_go.wait(60)
        raise UnreadableMedium("video", "hard.mp4", "must open within the limits")


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    child = Stuck()
    monkeypatch.setattr(decode, "_run", child)
    yield child
    child.may_go.set()


def upload(name: str) -> dict[str, Any]:
    path = values.lent(name)
    path.write_bytes(b"hard")
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


class Page:
    """A page whose values are those that it opened with, but for what a test says."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        config = client.get("/config").json()
        self._parts = {each["id"]: each["props"] for each in config["components"]}
        self._events = {each["api_name"]: each["inputs"] for each in config["dependencies"]}

    def press(self, event: str, **told: Any) -> Any:
        """An event; ``told`` are values by what a part's label holds, or by its ``elem_id``."""
        data = [self._value(self._parts[part], told) for part in self._events[event]]
        return press_event(self._client, event, None, data=data)

    def _value(self, part: dict[str, Any], told: dict[str, Any]) -> Any:
        for name, value in told.items():
            if f'"{name}"' in (part.get("label") or "") or name == part.get("elem_id"):
                return value
        return part.get("value")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(served_page(tmp_path)) as made:
        yield made


def test_a_crowd_with_files_that_do_not_open_stops_nobody_else(client, stuck):
    page = Page(client)

    answers: list[Any] = []

    def bring(number: int) -> None:
        hard = {"Image": upload(f"{number}.png"), "told-task": "image_to_video"}
        answers.append(page.press("plan", **hard))

    crowd = [threading.Thread(target=bring, args=(number,)) for number in range(CROWD)]
    for each in crowd:
        each.start()
    try:
        until(lambda: stuck.asked)
        assert page.press("plan").status_code == 200
        assert page.press("poll").status_code == 200
        assert client.get("/health/ready").status_code == 200
        assert client.get("/").status_code == 200
        assert stuck.asked == 1  # all are of one address
    finally:
        stuck.may_go.set()
        for each in crowd:
            each.join()
    told = [answer for answer in answers if answer.status_code == 429]
    assert all("Too many files from your address" in answer.text for answer in told)
    assert (len(told), stuck.asked) == (CROWD - EACH, EACH)
    assert page.press("plan").status_code == 200


def test_one_address_takes_one_place_and_the_next_has_another(stuck, tmp_path):
    def look(name: str) -> str:
        try:
            return str(probed(tmp_path / name, "video"))
        except UnreadableMedium as refusal:
            return refusal.field

    async def crowd() -> list[str]:
        for each in "abcd":
            (tmp_path / each).write_bytes(b"hard")
        looks = [
            asyncio.create_task(run_aside(lambda name=name: look(name), address))
            for name, address in [("a", "1"), ("b", "1"), ("c", "1"), ("d", "2")]
        ]
        await asyncio.to_thread(until, lambda: stuck.asked == MAX_AT_ONCE)
        asked = await run_aside(lambda: stuck.asked, "1")  # needs no file
        stuck.may_go.set()
        return [str(asked), *await asyncio.gather(*looks)]

    assert asyncio.run(crowd()) == [str(MAX_AT_ONCE), *["video"] * 4]


def test_what_is_known_of_a_file_needs_no_place(stuck, tmp_path):
    (tmp_path / "hard.mp4").write_bytes(b"hard")
    stuck.may_go.set()
    for _ in range(2):
        with pytest.raises(UnreadableMedium):
            probed(tmp_path / "hard.mp4", "video")
    with without_opening(), pytest.raises(UnreadableMedium):
        probed(tmp_path / "hard.mp4", "video")
    assert stuck.asked == 1


def test_nothing_is_opened_where_that_is_not_to_be(stuck, tmp_path):
    (tmp_path / "hard.mp4").write_bytes(b"hard")
    with without_opening(), pytest.raises(NotHere):
        read_comment(tmp_path / "hard.mp4")
    with without_opening(), pytest.raises(NotHere):
        probed(tmp_path / "hard.mp4", "video")
    assert stuck.asked == 0
