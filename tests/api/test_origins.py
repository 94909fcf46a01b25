"""What pages of other sites may ask, and what their browsers are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from wan_demo.api.app import create_app
from wan_demo.api.origins import Sites

FRIEND, STRANGER = "https://friend.example", "https://evil.example"


@pytest.fixture
def client(links) -> Iterator[TestClient]:
    sites = Sites(("self", FRIEND))
    app = create_app(links, {}, lambda: None, lambda: None, "/wan", sites)

    @app.api_route("/static/asked", methods=["GET", "POST"])
    def asked(request: Request) -> list[str | None]:
        said = [request.headers.get("origin"), request.headers.get("cookie")]
        return [getattr(request.state, "away", None), *filter(None, said)]

    with TestClient(app, base_url="https://wan.example") as made:
        yield made


def _from(origin: str, **headers: str) -> dict[str, str]:
    return {"Origin": origin, **headers}


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", "https://friend.example.evil.example", "", "http://[", "["]
)
def test_what_a_strangers_page_sends_is_refused(client, origin):
    answer = client.post("/static/asked", headers=_from(origin))
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_what_a_strangers_page_reads_it_may_not_see(client):
    answer = client.get("/static/asked", headers=_from(STRANGER))
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {"Access-Control-Request-Method": "POST"}
    answer = client.options("/static/asked", headers=_from(STRANGER, **asked))
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_friends_page_gets_answers_with_whole_addresses_and_no_cookies(client):
    answer = client.post("/static/asked", headers=_from(FRIEND, Cookie="wan_demo_owner=ada"))
    assert answer.json() == ["https://wan.example/wan"]
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    asked = {"Access-Control-Request-Headers": "content-type"}
    said = client.options("/static/asked", headers=_from(FRIEND, **asked)).headers
    assert said["access-control-allow-headers"] == "content-type"
    assert said["access-control-allow-origin"] == FRIEND


@pytest.mark.parametrize(
    "headers",
    [
        _from("https://wan.example"),
        _from("https://public.example", **{"X-Forwarded-Host": "public.example"}),
        _from("https://renamed.example", **{"Sec-Fetch-Site": "same-origin"}),
        {},
    ],
)
def test_its_own_page_and_programs_are_no_strangers(client, headers):
    answer = client.post("/static/asked", headers=headers)
    assert answer.status_code == 200
    assert answer.json()[0] is None


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 404), ("none", 404), (None, 404)],
)
def test_nobody_is_logged_out_by_a_picture_in_another_sites_page(client, site, status):
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert client.get("/logout", headers=headers).status_code == status
    assert client.get("/wan/logout", headers=headers).status_code == status


def test_a_link_from_another_site_leads_to_the_page(client):
    assert client.get("/static/asked", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_browsers_word_counts_more_than_names(client):
    headers = _from("https://wan.example", **{"Sec-Fetch-Site": "cross-site"})
    assert client.post("/static/asked", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("source", "origin", "may"),
    [
        ("*", STRANGER, True),
        ("https:", STRANGER, True),
        ("https:", "http://evil.example", False),
        ("https://*.example", STRANGER, True),
        ("https://*.example", "https://example", False),
        ("https://friend.example/", FRIEND, True),
        ("https://friend.example", "https://friendxexample", False),
        ("http://localhost:*", "http://localhost:81", True),
        ("http://localhost:*", "http://localhost", True),
        ("http://localhost:*", "http://localhost.evil.example", False),
        ("none", "none", False),
        ("self", "self", False),
    ],
)
def test_a_site_is_named_as_policies_name_it(source, origin, may):
    assert Sites((source,)).allow(origin) is may


def test_the_directive_quotes_the_words_that_are_none_of_addresses():
    sites = Sites(("self", "https://a.example"))
    assert sites.frame_ancestors == "frame-ancestors 'self' https://a.example"
    assert Sites(("none",)).frame_ancestors == "frame-ancestors 'none'"
