"""With the package that ZeroGPU itself brings, over a stand-in of the service that it asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.e2e.conftest import ROOT, running_server
from tests.makers import until
from tests.zero.connections import learns_of_its_end
from tests.zero.device_api import DeviceApi, device_api
from wan_demo.media.encode import read_metadata

pytestmark = pytest.mark.skipif(
    find_spec("spaces") is None, reason="spaces is not installed (requirements-dev.txt)"
)

GIVEN = {"prompt": "a red circle", "num_frames": 9, "num_inference_steps": 3, "seed": 5}
PAYLOAD = base64.urlsafe_b64encode(json.dumps({"user": "ada"}).encode()).decode().rstrip("=")
TOKEN = f"head.{PAYLOAD}.signature"


@pytest.fixture(scope="module")
def api() -> Iterator[DeviceApi]:
    with device_api() as api:
        yield api


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture
def loras(zero: str, folder: Path) -> Path:
    return folder / "data" / "loras"


@pytest.fixture(scope="module")
def zero(api: DeviceApi, folder: Path) -> Iterator[str]:
    environment = {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": api.address,
        "SPACE_ID": "somebody/wan-demo",
        "WAN_DEMO_DEVICE": "cpu",
        "WAN_DEMO_DATA_DIR": str(folder / "data"),
        "HOME": str(folder),
    }
    code = ROOT / "tests" / "zero" / "real"
    with running_server(folder, environment=environment, code=code) as address:
        yield address.replace("0.0.0.0", "localhost")


def test_the_start_is_reported_once(zero: str, api: DeviceApi):
    assert [path for path, _ in api.calls][:1] == ["/startup-report"]
    assert len(api.of("/startup-report")) == 1


def test_a_fork_holds_none_of_the_servers_connections(zero: str):
    """Who came before it was made would never learn that theirs was closed."""

    def fork() -> None:
        Client(zero, verbose=False).predict(**GIVEN, api_name="/text_to_video")

    assert learns_of_its_end(zero, fork)


def test_each_clip_is_made_on_a_gpu_that_its_caller_pays_for(zero: str, api: DeviceApi):
    client = Client(zero, verbose=False, headers={"X-IP-Token": TOKEN})
    video, used = client.predict(**GIVEN, num_videos_per_prompt=2, api_name="/text_to_video")
    assert used["seeds"] == [5, 6]
    assert read_metadata(Path(video))["request"]["seed"] == 5
    asked = api.of("/schedule")[-2:]
    assert [call["token"] for call in asked] == [TOKEN, TOKEN]
    assert all(15 <= int(call["durationSeconds"]) <= 120 for call in asked)
    assert api.of("/allow")
    assert [call["fail"] for call in api.of("/release")][-2:] == ["false", "false"]


def test_a_caller_who_leaves_gives_the_gpu_back(zero: str, api: DeviceApi):
    before = len(api.of("/release"))
    asked = len(api.of("/schedule"))
    client = Client(zero, verbose=False)
    job = client.submit(
        api_name="/text_to_video", **{**GIVEN, "num_frames": 33, "num_inference_steps": 50}
    )  # pyright: ignore
    until(lambda: len(api.of("/schedule")) > asked)
    job.cancel()
    until(lambda: len(api.of("/release")) > before)
    again, _ = Client(zero, verbose=False).predict(**GIVEN, api_name="/text_to_video")
    assert read_metadata(Path(again))["request"]["seed"] == 5


def test_a_quota_that_is_used_up_is_told_as_zerogpu_tells_it(zero: str, api: DeviceApi):
    client = Client(zero, verbose=False, headers={"X-IP-Token": TOKEN})
    api.refuses = True
    try:
        with pytest.raises(AppError, match=r"quota exceeded: .*vs\. 3s left"):
            client.predict(**GIVEN, api_name="/text_to_video")
    finally:
        api.refuses = False


def test_what_a_fork_refuses_is_told_in_its_own_words(zero: str, loras: Path):
    """The package itself sends no more of an exception than its class's name."""
    (loras / "broken.safetensors").write_bytes(b"nothing")
    client = Client(zero, verbose=False)
    with pytest.raises(AppError, match=r"The LoRA broken\.safetensors"):
        client.predict(**GIVEN, loras="broken", api_name="/text_to_video")
