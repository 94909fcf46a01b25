from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from wan_demo.api.app import create_app


@pytest.fixture
def client(links) -> TestClient:
    return TestClient(create_app(links, {}, lambda: None, lambda: None, "/wan"))


@pytest.mark.parametrize("path", ["/wan/health/live", "/health/live"])
def test_the_path_may_be_there_or_taken_off(client, path):
    assert client.get(path).json() == {"status": "live"}


@pytest.mark.parametrize(
    "path", ["/wander/health/live", "/x/wan/health/live", "/wan/wan/health/live"]
)
def test_no_other_path_is(client, path):
    assert client.get(path).status_code == 404


def test_the_path_without_its_slash_leads_to_the_page(client):
    answer = client.get("/wan?prompt=a%20fox&tab=x", follow_redirects=False)
    assert answer.status_code == 308
    assert answer.headers["location"] == "/wan/?prompt=a%20fox&tab=x"
    assert client.get("/wan", follow_redirects=False).headers["location"] == "/wan/"


def test_two_apps_of_one_host_have_a_cookie_each(client, links):
    answer = client.post("/wan/owner", json={"key": links.sign_owner("ada")})
    assert "; Path=/wan;" in answer.headers["set-cookie"]
