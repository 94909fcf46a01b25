"""The folder that is pushed to a CPU Space, run as the Hub runs it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import Page

from scripts import space
from tests.e2e import person
from tests.e2e.conftest import running_server
from wan_demo.media.encode import read_metadata

PROMPT = "a red circle moving right on a black background"
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "somebody/wan-demo",
    "SPACE_HOST": "somebody-wan-demo.hf.space",
    "SPACE_AUTHOR_NAME": "somebody",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_SERVER_PORT": "7860",
}


@pytest.fixture(scope="module")
def cpu_space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cpu")
    space.write(folder / "space", "cpu-basic")
    with running_server(folder, environment=SPACE, code=folder / "space") as address:
        yield address.replace("0.0.0.0", "localhost")
    assert "wan-tiny, the bundled small model" in (folder / "server.log").read_text()


def test_a_prompt_becomes_a_playing_video(page: Page, cpu_space: str):
    person.open_app(page, cpu_space)
    person.type_prompt(page, PROMPT)
    person.generate(page)
    frame = person.pixels(person.finished_video(page))
    assert 0.03 < person.share_near(frame, (220, 40, 40)) < 0.45


def test_a_program_gets_its_video(cpu_space: str):
    client = Client(cpu_space, verbose=False)
    given = {"prompt": PROMPT, "num_frames": 9, "num_inference_steps": 3}
    video, used = client.predict(**given, api_name="/text_to_video")
    assert used["model"] == "wan-tiny"
    assert read_metadata(Path(video))["request"]["num_frames"] == 9


def test_behind_the_hubs_proxy_its_frame_keeps_the_cookie(cpu_space: str):
    asked = urllib.request.Request(cpu_space, headers={"X-Forwarded-Proto": "https"})
    with urllib.request.urlopen(asked) as answer:
        assert "SameSite=None; Secure; Partitioned" in answer.headers["set-cookie"]


def test_nobody_counts_as_this_machines_own(cpu_space: str):
    asked = urllib.request.Request(f"{cpu_space}/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(asked)
