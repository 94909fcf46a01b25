from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from wan_demo.api.owner import COOKIE


def test_a_newcomer_gets_an_identity_that_stays(client):
    first = client.get("/whoami")
    assert COOKIE in first.cookies
    again = client.get("/whoami")
    assert again.json() == first.json()
    assert "set-cookie" not in again.headers


def test_the_cookie_comes_with_a_page_and_never_with_an_asset_that_caches_may_share(client):
    assert "set-cookie" not in client.get("/asset").headers


def test_two_people_are_two(client):
    first = client.get("/whoami").json()
    client.cookies.clear()
    assert client.get("/whoami").json() != first


@pytest.mark.parametrize("forged", ["", "ada", "x.y", '"', "a" * 5000])
def test_a_forged_identity_is_a_newcomer(client, forged):
    answer = client.get("/whoami", headers={"Cookie": f"{COOKIE}={forged}"})
    assert answer.status_code == 200
    assert answer.json() != "ada"
    assert "set-cookie" in answer.headers


@pytest.mark.parametrize("other", ["a/b=1", "{}=1; x", "=", ";;", "a,b=2", "[x]=é", "$Version=1"])
def test_other_apps_cookies_do_no_harm(client, links, other):
    mine = f"{COOKIE}={links.sign_owner('ada')}"
    for cookies in (f"{other}; {mine}", f"{mine}; {other}"):
        answer = client.get("/whoami", headers={"Cookie": cookies.encode("latin-1")})
        assert (answer.status_code, answer.json()) == (200, "ada")


def test_the_cookie_is_kept_from_scripts(client):
    cookie = client.get("/whoami").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookie_works_in_another_sites_frame(client):
    secure = TestClient(client.app, base_url="https://testserver")
    cookie = secure.get("/whoami").headers["set-cookie"]
    assert "SameSite=None; Secure; Partitioned" in cookie
