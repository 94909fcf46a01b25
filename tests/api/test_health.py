from __future__ import annotations

import pytest


def test_live_answers(client):
    assert client.get("/health/live").json() == {"status": "live"}


def test_ready_when_every_check_holds(client):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_who_only_wants_to_know_whether_it_is_up_is_told(client, path):
    assert client.head(path).status_code == client.get(path).status_code == 200


def test_not_ready_names_what_is_missing(client, life):
    life.is_well = False
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["worker"]
    assert client.get("/health/live").status_code == 200


def test_what_runs_beside_the_app_starts_and_stops_with_it(client, life):
    assert life.events == ["start"]
    client.__exit__(None, None, None)
    assert life.events == ["start", "stop"]
    client.__enter__()


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect"])
def test_the_few_routes_beside_the_page_are_not_described(client, path):
    assert client.get(path).status_code == 404
