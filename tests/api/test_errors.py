from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from wan_demo.api.errors import translate_errors
from wan_demo.errors import JobNotFound, StorageAway


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    translate_errors(app, {})
    handlers: Any = app.exception_handlers
    mounted = FastAPI(exception_handlers=handlers)

    @mounted.get("/fails/{number}")
    def fails(number: int) -> None:
        raise [ValueError("/srv/secret"), JobNotFound(), StorageAway()][number]

    app.mount("/", mounted)
    return TestClient(app, raise_server_exceptions=False)


def test_a_fault_tells_nothing_of_the_server(client):
    answer = client.get("/fails/0")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "log has the cause" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("number", "status", "code"), [(1, 404, "job_not_found"), (2, 503, "storage_away")]
)
def test_an_expected_failure_is_its_own_sentence(client, number, status, code):
    answer = client.get(f"/fails/{number}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_cant_be_read_is_not_said_again(client):
    answer = client.get("/fails/nonsense")
    assert answer.status_code == 422
    assert "nonsense" not in answer.text
