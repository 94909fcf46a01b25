from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from gradio import processing_utils

from tests.https import NAME, of_this_machine, says, site
from tests.ui.pressing import press_event
from tests.ui.serving import served_page
from wan_demo.ui import fetching
from wan_demo.ui.refusing import RELOAD, RefusingBlocks

FOREIGN = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
LONG = {"path": "a" * 5000, "meta": {"_type": "gradio.FileData"}}
NO_UPLOAD = "must be a file that was uploaded|must be at an https:// address"
STRANGE = {"path": "x", "meta": "gradio.FileData"}
NUL = {"path": "a\x00b", "meta": {"_type": "gradio.FileData"}}
PICTURE = {"path": f"https://{NAME}/red.png", "meta": {"_type": "gradio.FileData"}}
INNER = {"url": "http://169.254.169.254/", "path": "x", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    with TestClient(served_page(tmp_path_factory.mktemp("data"))) as made:
        yield made


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """What an address of this machine would reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "user:pass@127.0.0.1", "2130706433", "0x7f000001"),
        *("[::ffff:127.0.0.1]", "0.0.0.0"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https", "ftp"])
def test_an_address_in_place_of_a_file_is_refused_and_not_asked(client, listening, scheme, host):
    address = f"{scheme}://{host}:{listening.getsockname()[1]}/cat.png"
    kind = {"meta": {"_type": "gradio.FileData"}}
    file = {"path": address, **kind}
    for told in (address, file, [file], {"a": [file]}, {"path": "x", "url": address, **kind}):
        for event in ("plan", "open_file"):
            answer = press_event(client, event, told)
            assert re.search(NO_UPLOAD, answer.json()["error"]), answer.json()
    with pytest.raises(BlockingIOError):  # nobody has called
        listening.accept()


def test_an_event_of_the_page_fetches_nothing(client, monkeypatch):
    config = client.get("/config").json()
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    labels = {each["id"]: each["props"].get("label") or "" for each in config["components"]}
    (plan,) = (each for each in config["dependencies"] if each["api_name"] == "plan")
    (image,) = (i for i, part in enumerate(plan["inputs"]) if '"Image"' in labels[part])
    data = [values[part] for part in plan["inputs"]]
    data[image] = PICTURE
    with site(says(b"a picture")) as there:
        monkeypatch.setattr(RefusingBlocks, "remote", of_this_machine(there))
        answer = press_event(client, "plan", None, data=data)
    assert (answer.status_code, there.asked) == (422, [])
    assert "must be a file that was uploaded, or its https:// address" in answer.json()["error"]


def call(client: TestClient, task: str, **given: Any) -> str:
    """What a program is told at the end of a call."""
    begun = client.post(f"/gradio_api/call/v2/{task}", json=given)
    return client.get(f"/gradio_api/call/{task}/{begun.json()['event_id']}").text


def test_a_program_gets_a_file_by_its_address(client, monkeypatch):
    with site(says(b"a picture")) as there:
        monkeypatch.setattr(RefusingBlocks, "remote", of_this_machine(there))
        told = call(client, "image_to_video", image=PICTURE)
    assert there.asked == [(NAME, "/red.png")]
    assert "event: error" in told
    assert "this one is broken or not one" in told


def test_a_program_that_wants_too_many_files_is_told_so_and_nobody_is_asked(client, monkeypatch):
    monkeypatch.setattr(fetching, "EACH", 0)
    with site(says(b"a picture")) as there:
        monkeypatch.setattr(RefusingBlocks, "remote", of_this_machine(there))
        told = call(client, "image_to_video", image=PICTURE)
    assert there.asked == []
    assert "Too many files are being fetched" in told


def test_a_full_disk_is_said_and_no_fault_of_the_servers(client, capfd, monkeypatch):
    def full(*_given: Any, **_named: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(processing_utils, "async_move_files_to_cache", full)
    answer = press_event(client, "stop", "")
    assert answer.status_code == 507
    assert "has no room for another file" in answer.json()["error"]
    assert "Traceback" not in capfd.readouterr().err


def test_programs_read_labels_in_english(client):
    told = client.get("/gradio_api/info").text
    assert '"Negative prompt"' in told
    assert "__i18n__" not in told


@pytest.mark.parametrize("told", ["cat.png", 7, [1], {"a": 1}, FOREIGN, INNER, LONG, NUL, STRANGE])
@pytest.mark.parametrize(("event", "label"), [("plan", "Image"), ("open_file", "Drop an MP4")])
def test_a_file_that_is_none_is_refused_by_its_field(client, capfd, event, label, told):
    error = press_event(client, event, told).json()["error"]
    assert "__i18n__" not in error
    assert (label in error, "must be a file that was uploaded" in error) == (True, True), error
    assert "Traceback" not in capfd.readouterr().err


def test_a_value_of_any_depth_is_taken_or_refused(client, capfd):
    deep: list[Any] = []
    for _ in range(600):
        deep = [deep]
    answer = press_event(client, "choose_method", deep)
    assert answer.status_code in (200, 422)
    config = client.get("/config").json()
    (event,) = (each for each in config["dependencies"] if each["api_name"] == "choose_method")
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    data = [values[part] for part in event["inputs"]]
    for index in range(len(data)):
        told = [*data[:index], deep, *data[index + 1 :]]
        answer = press_event(client, "choose_method", None, data=told)
        assert answer.status_code in (200, 422), index
    assert "Traceback" not in capfd.readouterr().err


def test_a_page_of_another_version_is_told_to_reload(client, capfd):
    answer = press_event(client, "stop", None, data=["too few"])
    assert answer.json()["error"] == RELOAD
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("told", [FOREIGN, LONG, NUL])
def test_an_event_that_names_a_file_of_this_machine_is_refused_quietly(client, capfd, told):
    answer = press_event(client, "show", "", event_data={"job": told})
    assert answer.status_code == 422
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "told", ["\ud800", float("nan"), float("inf"), -1e308, {"model": "\udfff"}]
)
@pytest.mark.parametrize("event", ["load", "poll", "look", "enter", "fix", "restore"])
def test_whatever_is_told_can_be_answered(client, capfd, event: str, told: Any):
    answer = press_event(client, event, told)
    assert answer.status_code in (200, 422)
    assert answer.json()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("told", ["\ud800", float("nan")])
def test_what_a_form_says_again_can_be_answered(client, told: Any):
    """Values that fit, but for one, are those that another model takes over."""
    config = client.get("/config").json()
    parts = {each["id"]: each["props"] for each in config["components"]}
    event = next(each for each in config["dependencies"] if each["api_name"] == "choose_task")
    data = [parts[at].get("value") for at in event["inputs"]]
    for index, at in enumerate(event["inputs"]):
        if parts[at].get("label") in ("Prompt", "Guidance", "Negative prompt", "Control"):
            answer = press_event(
                client, "choose_task", None, data=[*data[:index], told, *data[index + 1 :]]
            )
            assert answer.status_code == 200, parts[at]["label"]


@pytest.mark.parametrize("said", ["bytes=0-5-6", "bytes=0-0,2-3", "bytes=²-³", "bytes=-"])
def test_a_part_of_an_upload_that_is_none_is_no_fault_of_the_servers(client, said):
    sent = {"files": ("clip.mp4", b"0123456789")}
    (path,) = client.post("/gradio_api/upload", files=sent).json()
    answer = client.get(f"/gradio_api/file={path}", headers={"Range": said.encode("latin-1")})
    assert answer.status_code in (400, 416)
    part = client.get(f"/gradio_api/file={path}", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.text) == (206, "234")


def test_an_event_that_the_browser_does_alone_is_none_of_the_servers(client, capfd):
    events = client.get("/config").json()["dependencies"]
    alone = [each for each in events if not each["backend_fn"]]
    assert alone
    for each in alone:
        body = {"data": [None] * len(each["inputs"]), "fn_index": each["id"]}
        answer = client.post("/gradio_api/run/predict", json={**body, "session_hash": "page"})
        assert (answer.status_code, answer.json()["error"]) == (422, RELOAD)
    assert "Traceback" not in capfd.readouterr().err
