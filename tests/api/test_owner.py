from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from wan_demo.api.owner import COOKIE


def test_a_newcomer_gets_an_identity_that_stays(client):
    first = client.get("/static/whoami")
    assert COOKIE in first.cookies
    again = client.get("/static/whoami")
    assert again.json() == first.json()


def test_each_visit_keeps_it_for_another_year(client):
    first, again = (client.get("/static/whoami").headers["set-cookie"] for _ in range(2))
    assert again == first
    assert "Max-Age=31536000" in again


def test_the_cookie_comes_with_a_page_and_never_with_an_asset_that_caches_may_share(client):
    assert "set-cookie" not in client.get("/static/asset").headers


def test_a_program_gets_an_identity_with_the_first_that_it_asks_for(client):
    """gradio_client brings the cookies of that answer from then on, and no others."""
    assert COOKIE in client.get("/config").cookies
    assert "set-cookie" not in client.get("/config").headers


def test_two_people_are_two(client):
    first = client.get("/static/whoami").json()
    client.cookies.clear()
    assert client.get("/static/whoami").json() != first


@pytest.mark.parametrize("forged", ["", "ada", "x.y", '"', "a" * 5000])
def test_a_forged_identity_is_a_newcomer(client, forged):
    answer = client.get("/static/whoami", headers={"Cookie": f"{COOKIE}={forged}"})
    assert answer.status_code == 200
    assert answer.json() != "ada"
    assert "set-cookie" in answer.headers


@pytest.mark.parametrize("other", ["a/b=1", "{}=1; x", "=", ";;", "a,b=2", "[x]=é", "$Version=1"])
def test_other_apps_cookies_do_no_harm(client, links, other):
    mine = f"{COOKIE}={links.sign_owner('ada')}"
    for cookies in (f"{other}; {mine}", f"{mine}; {other}"):
        answer = client.get("/static/whoami", headers={"Cookie": cookies.encode("latin-1")})
        assert (answer.status_code, answer.json()) == (200, "ada")


def test_the_cookie_is_kept_from_scripts(client):
    cookie = client.get("/static/whoami").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookie_works_in_another_sites_frame(client):
    secure = TestClient(client.app, base_url="https://testserver")
    cookie = secure.get("/static/whoami").headers["set-cookie"]
    assert "SameSite=None; Secure; Partitioned" in cookie


def test_a_login_works_in_another_sites_frame_too(client):
    login, other, _ = client.get("/static/login").headers.get_list("set-cookie")
    assert login.endswith("SameSite=none; Secure; Partitioned")
    assert "Partitioned" not in other


def test_a_key_makes_this_browser_its_owners(client, links):
    client.get("/static/whoami")
    answer = client.post("/owner", json={"key": links.sign_owner("ada")})
    assert answer.status_code == 204
    assert client.get("/static/whoami").json() == "ada"


@pytest.mark.parametrize("key", ["", "ada", "x.y", "a" * 201, None, 5])
def test_what_is_no_key_changes_nothing(client, key):
    before = client.get("/static/whoami").json()
    assert client.post("/owner", json={"key": key}).status_code == 422
    assert client.get("/static/whoami").json() == before


@pytest.mark.parametrize(
    "more", ["\u20ac", "=", "=; Domain=example.com", "=\r\nSet-Cookie: a=b", "\0", " "]
)
def test_a_key_with_more_behind_it_is_none(client, links, more):
    """Base64 reads over what is none of it, and the cookie's header would hold it."""
    answer = client.post("/owner", json={"key": links.sign_owner("ada") + more})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"key": "\\ud800"}', "application/json"),
        (b'{"other": "\\ud800"}', "application/json"),
        (b"\xff\xfe", "text/plain"),
    ],
)
def test_what_no_answer_can_hold_is_refused_like_the_rest(client, body, kind):
    assert client.post("/owner", content=body, headers={"Content-Type": kind}).status_code == 422


def test_a_job_token_is_no_key(client, links):
    assert client.post("/owner", json={"key": links.job("ada")}).status_code == 422


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_another_sites_page_enters_no_key(client, links, site):
    headers = {"Sec-Fetch-Site": site}
    answer = client.post("/owner", json={"key": links.sign_owner("eve")}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_form_of_another_site_enters_no_key(client, links):
    body = f'{{"key": "{links.sign_owner("eve")}"}}'
    answer = client.post("/owner", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers
