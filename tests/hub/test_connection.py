from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.hub.conftest import HURRIED, REPO, WEIGHTS, Fetch
from tests.hub.server import Fault, HubServer
from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed, DownloadStopped
from wan_demo.hub import words
from wan_demo.hub.connection import Connection, Passing, Patience


def refused(get: Fetch, source: Source | None = None) -> str:
    with pytest.raises(DownloadFailed) as refusal:
        get(source) if source else get()
    return str(refusal.value)


def test_a_gated_repo_names_the_page_and_the_token(hub: HubServer, get: Fetch):
    hub.gated.add(REPO)
    assert refused(get) == (
        f"tiny/wan needs its licence accepted at {hub.endpoint}/tiny/wan and a token of that "
        "account (HF_TOKEN)."
    )


def test_a_mirrors_password_is_in_no_sentence():
    address = "https://me:secret@mirror.example:8443"
    said = words.gated(Source(REPO), address) + words.hidden(Source(REPO), address)
    assert "https://mirror.example:8443/tiny/wan" in said
    assert "secret" not in said


def test_the_token_goes_to_the_hub_and_to_nobody_else(hub: HubServer, get: Fetch, monkeypatch):
    hub.gated.add(REPO)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    get()
    assert {r.token for r in hub.requests if r.host == "hub"} == {"Bearer hf_secret"}
    assert {r.token for r in hub.requests if r.host == "files"} == {None}
    assert hub.bodies("files")


@pytest.mark.parametrize("token", [None, "hf_secret"])
def test_a_repo_that_is_not_there_may_be_a_hidden_one(hub, get: Fetch, monkeypatch, token):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert "shows no tiny/gone: the name is wrong, or" in refused(get, Source("tiny/gone"))


def test_a_revision_that_is_not_there_is_named(hub: HubServer, get: Fetch):
    assert refused(get, Source(REPO, "v9")) == "tiny/wan has no revision v9."


def test_a_file_that_is_listed_but_not_there_is_said_to_be_missing(hub: HubServer, get: Fetch):
    hub.edit = lambda answer: answer["siblings"][-1].update(rfilename="vae/more.safetensors")
    assert "lists a file that it does not have" in refused(get)


def test_a_token_that_is_refused_is_blamed(hub: HubServer, get: Fetch):
    words = {"X-Error-Message": "Invalid credentials in Authorization header"}
    hub.faults.append(Fault("api", status=401, headers=words))
    assert "does not accept the token (HF_TOKEN)" in refused(get)


def test_an_odd_refusal_ends_it_at_once(hub: HubServer, get: Fetch):
    hub.faults.append(Fault("api", status=418, times=9))
    assert refused(get).endswith("answered with error 418.")
    assert len(hub.requests) == 1


@pytest.mark.parametrize(
    ("match", "status"), [("api", 500), ("api", 429), (WEIGHTS, 503), ("vae/config.json", 408)]
)
def test_a_passing_error_is_waited_out(hub: HubServer, get: Fetch, match, status):
    hub.faults.append(Fault(match, status=status, times=HURRIED.attempts - 1))
    assert (get() / WEIGHTS).is_file()


def test_one_that_does_not_pass_ends_in_a_sentence(hub: HubServer, get: Fetch):
    hub.faults.append(Fault("api", status=503, times=9))
    assert refused(get).endswith(
        "answered with error 503. Nothing has arrived yet; try again later."
    )
    assert len(hub.requests) == HURRIED.attempts


def test_an_address_of_a_file_host_that_expired_is_asked_for_anew(hub: HubServer, get: Fetch):
    hub.faults.append(Fault(WEIGHTS, status=403, at_file_host=True))
    get()
    assert [r.path for r in hub.requests if r.host == "hub"].count(WEIGHTS) == 2


def test_a_hub_may_say_when_to_come_back(hub: HubServer, get: Fetch):
    hub.faults.append(Fault("api", status=429, headers={"Retry-After": "7"}))
    began = time.monotonic()
    get(patience=Patience(attempts=2, first_wait=0, longest_wait=0.3))
    assert time.monotonic() - began >= 0.3


IN_AN_HOUR = format_datetime(datetime.now(UTC) + timedelta(hours=1))


@pytest.mark.parametrize("text", ["7", IN_AN_HOUR], ids=["seconds", "date"])
def test_both_forms_of_that_are_read(hub: HubServer, text):
    hub.faults.append(Fault("api", status=429, headers={"Retry-After": text}))
    with (
        Connection(Source(REPO), hub.endpoint, lambda: False, HURRIED) as connection,
        pytest.raises(Passing) as fault,
        connection.get(f"{hub.endpoint}/api/models/{REPO}"),
    ):
        pass
    assert fault.value.wait > 6


@pytest.mark.parametrize(
    "text",
    [
        *("soon", "-1", "", "Mon, 01 Jan 2001 00:00:00", "nan"),
        "Mon, 01 Jan 2001 00:00:00 +" + "9" * 30,
    ],
)
def test_any_other_form_is_no_wait(hub: HubServer, get: Fetch, text):
    hub.faults.append(Fault("api", status=429, headers={"Retry-After": text}))
    get()


def test_a_stop_ends_a_long_wait(hub: HubServer, get: Fetch):
    hub.faults.append(Fault("api", status=429, headers={"Retry-After": "60"}))
    end = time.monotonic() + 0.2
    with pytest.raises(DownloadStopped):
        get(stopped=lambda: time.monotonic() > end, patience=Patience())
    assert time.monotonic() < end + 5


@pytest.mark.parametrize(
    "to",
    [
        *("ftp://127.0.0.1/x", "file:///etc/passwd", "http://xn--/x", f"http://{'a' * 300}/x"),
        *("http://169.254.169.254/latest/meta-data", "http://[fe80::1]/x"),
    ],
)
def test_a_redirect_goes_to_web_addresses_only(hub: HubServer, get: Fetch, to):
    hub.faults.append(Fault("api", status=302, headers={"Location": to}, times=9))
    assert "address that can't be followed" in refused(get)


def test_a_redirect_in_a_circle_is_left(hub: HubServer, get: Fetch):
    to = {"Location": f"/api/models/{REPO}/revision/main"}
    hub.faults.append(Fault("api", status=302, headers=to, times=99))
    assert "address that can't be followed" in refused(get)


def test_a_redirect_does_not_leave_encryption():
    with (
        Connection(Source(REPO), "https://hub.example", lambda: False, HURRIED) as connection,
        pytest.raises(DownloadFailed, match="address that can't be followed"),
        connection.get("http://127.0.0.1:9/x"),
    ):
        pass
