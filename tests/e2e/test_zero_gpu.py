"""On a stand-in for ZeroGPU: Gradio serves the page, whose events do their jobs in forks."""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e import person
from tests.e2e.conftest import ROOT, OpenPage, running_server
from tests.makers import until
from tests.zero.connections import learns_of_its_end
from wan_demo.domain.events import Frames
from wan_demo.media.decode import read_video
from wan_demo.media.encode import read_metadata

PROMPT = "a red circle moving right on a black background"
LONG = {"num_frames": 33, "num_inference_steps": 50, "width": 128, "height": 128}

SPACE = {
    "PYTHONPATH": str(ROOT / "tests" / "zero" / "stand_in"),
    "SYSTEM": "spaces",
    "SPACE_ID": "somebody/wan-demo",
    "SPACES_ZERO_GPU": "true",
    "WAN_DEMO_DEVICE": "cpu",  # the GPU is the one thing that is not stood in for
}


class Zero:
    """A running Space, and what was asked of ZeroGPU."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self.table = folder / "data" / "jobs.sqlite3"

    def calls(self) -> list[dict]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [call for call in map(json.loads, lines) if call["event"] == "gpu"]

    def failures(self) -> list[str]:
        """Codes of all jobs that have failed."""
        with closing(sqlite3.connect(self.table)) as table:
            found = table.execute("SELECT failure FROM jobs WHERE status = 'failed'").fetchall()
        return [json.loads(failure)["code"] for (failure,) in found]

    def steps(self) -> list[int]:
        """How far the running jobs are."""
        with closing(sqlite3.connect(self.table)) as table:
            found = table.execute("SELECT progress FROM jobs WHERE status = 'running'").fetchall()
        return [json.loads(progress)["step"] for (progress,) in found]


@pytest.fixture(scope="module")
def zero(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zero]:
    folder = tmp_path_factory.mktemp("zero")
    with running_server(folder, environment={**SPACE, "STAND_IN": str(folder)}) as address:
        yield Zero(address.replace("0.0.0.0", "localhost"), folder)


def frames(video: str) -> Frames:
    return read_video(Path(video), (96, 96), 9, 8)


def ask_for_much(page: Page, address: str) -> None:
    """A video that takes long enough to do something meanwhile."""
    person.open_app(page, address)
    person.type_prompt(page, PROMPT)
    person.type_number(page, "Frames", "33")
    person.unfold(page, "More: steps")
    person.type_number(page, "Steps", "50")
    expect(person.plan(page)).to_contain_text("50 steps")


def test_the_weights_are_placed_before_gradio_launches_the_page(zero: Zero):
    first = json.loads((zero.folder / "calls").read_text().splitlines()[0])
    assert (first["event"], first["decorated"], first["torch"]) == ("launch", 1, True)


def test_a_fork_holds_none_of_the_servers_connections(zero: Zero):
    """Who came before it was made would never learn that theirs was closed."""

    def fork() -> None:
        Client(zero.address, verbose=False).predict(
            prompt=PROMPT, num_frames=9, num_inference_steps=3, api_name="/text_to_video"
        )

    assert learns_of_its_end(zero.address, fork)


def test_a_prompt_becomes_a_playing_video_on_the_page(page: Page, zero: Zero):
    person.open_app(page, zero.address)
    expect(page.locator("#promise")).to_contain_text("only while its page stays open")
    person.type_prompt(page, PROMPT)
    person.generate(page)
    running = person.stage(page, "running")
    expect(running.locator(".line")).to_contain_text("Step", timeout=person.FINISH_MS)
    expect(running.locator(".notice")).to_contain_text("to close or reload it ends the job")
    video = person.finished_video(page)
    assert 0.03 < person.share_near(person.pixels(video), (220, 40, 40)) < 0.45
    page.get_by_role("button", name="Again, new seed").click()
    person.stage(page, "running")
    person.finished_video(page)
    assert len(page.locator("#strip button").all()) == 2


def test_programs_make_videos_and_their_quota_pays_for_them(zero: Zero, tmp_path: Path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (96, 96), (40, 180, 70)).save(picture)
    before = len(zero.calls())
    client = Client(zero.address, verbose=False, headers={"X-IP-Token": "ada.token"})
    given = {"prompt": PROMPT, "num_frames": 9, "num_inference_steps": 4, "seed": 5}
    video, used = client.predict(**given, num_videos_per_prompt=2, api_name="/text_to_video")
    assert (used["seeds"], used["model"]) == ([5, 6], "wan-tiny")
    assert len(frames(video)) == 9
    assert read_metadata(Path(video))["request"]["seed"] == 5
    image = handle_file(picture)
    still, _ = client.predict(image=image, **given, api_name="/image_to_video")
    assert np.abs(frames(still)[0].mean((0, 1)) - (40, 180, 70)).max() < 25
    edited, _ = client.predict(
        video=handle_file(video),
        prompt="a cyan circle moving right on a black background",
        num_inference_steps=4,
        api_name="/video_to_video",
    )
    assert len(frames(edited)) == 9
    calls = zero.calls()[before:]
    assert [call["token"] for call in calls] == ["ada.token"] * 4
    assert all(15 <= call["seconds"] <= 120 for call in calls)


def test_the_same_seed_gives_the_same_frames_as_everywhere(zero: Zero, server: str):
    given = {"prompt": PROMPT, "num_frames": 9, "num_inference_steps": 3, "seed": 11}
    clients = [Client(address, verbose=False) for address in (zero.address, server)]
    videos = [client.predict(**given, api_name="/text_to_video")[0] for client in clients]
    assert len({read_metadata(Path(video))["frames_sha256"] for video in videos}) == 1


def test_a_page_that_closes_ends_its_job_and_no_other(open_page: OpenPage, zero: Zero):
    closing, staying = open_page(), open_page()
    for page in (closing, staying):
        ask_for_much(page, zero.address)
    for page in (staying, closing):
        person.generate(page)
        line = person.stage(page, "running").locator(".line")
        expect(line).to_contain_text("Step", timeout=person.FINISH_MS)
    context, address = closing.context, closing.url
    closing.close()
    until(lambda: zero.failures() == ["client_gone"])
    person.finished_video(staying)
    again = context.new_page()
    again.set_default_timeout(60_000)
    again.goto(address)
    expect(again.locator("#stage")).to_contain_text("was closed or reloaded before the video")
    assert zero.failures() == ["client_gone"]


def test_stop_stops_at_the_next_step(page: Page, zero: Zero):
    ask_for_much(page, zero.address)
    person.generate(page)
    expect(person.stage(page, "running").locator(".line")).to_contain_text("Step")
    page.get_by_role("button", name="Stop", exact=True).click()
    person.stage(page, "stopped")


def test_a_refusal_of_zerogpu_is_told_in_its_words(page: Page, zero: Zero):
    refusal = zero.folder / "refuse"
    refusal.write_text("You have exceeded your free ZeroGPU quota. Try again in 2:00:00.")
    try:
        person.open_app(page, zero.address)
        person.type_prompt(page, PROMPT)
        person.generate(page)
        expect(person.stage(page, "failed")).to_contain_text("exceeded your free ZeroGPU quota")
        client = Client(zero.address, verbose=False)
        with pytest.raises(AppError, match="exceeded your free ZeroGPU quota"):
            client.predict(prompt=PROMPT, api_name="/text_to_video")
    finally:
        refusal.unlink()


def test_a_bad_value_is_refused_before_a_gpu_is_asked_for(zero: Zero):
    before = len(zero.calls())
    client = Client(zero.address, verbose=False)
    with pytest.raises(AppError, match="num_frames"):
        client.predict(prompt=PROMPT, num_frames=18, api_name="/text_to_video")
    assert len(zero.calls()) == before


def test_several_calls_at_once_all_end(zero: Zero):
    def one(seed: int) -> int:
        client = Client(zero.address, verbose=False)
        given = {"prompt": PROMPT, "num_frames": 9, "num_inference_steps": 3, "seed": seed}
        return client.predict(**given, api_name="/text_to_video")[1]["seed"]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == [0, 1, 2, 3]


def test_what_is_ours_is_served_beside_gradio(zero: Zero):
    with urllib.request.urlopen(f"{zero.address}/health/ready") as answer:
        assert json.load(answer) == {"status": "ready"}
    for path in ("/metrics", "/openapi.json", "/files/forged"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{zero.address}{path}")


def test_who_waited_when_the_space_was_restarted_is_told(tmp_path: Path):
    environment = {**SPACE, "STAND_IN": str(tmp_path)}
    with running_server(tmp_path, environment=environment) as address:
        client = Client(address.replace("0.0.0.0", "localhost"), verbose=False)
        client.submit(api_name="/text_to_video", prompt=PROMPT, **LONG)  # pyright: ignore
        zero = Zero(address, tmp_path)
        until(lambda: any(zero.steps()))
    with running_server(tmp_path, environment=environment):
        assert zero.failures() == ["client_gone"]
        assert zero.steps() == []
