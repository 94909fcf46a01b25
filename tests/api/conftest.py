import json

# Annotations are real objects here: FastAPI reads those of the route below.
from collections.abc import Iterator

import pytest
from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient

from wan_demo.api.app import create_app
from wan_demo.media.links import Links


class Life:
    """Counts how often the application started and stopped, and whether it is well."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.is_well = True

    def start(self) -> None:
        self.events.append("start")

    def stop(self) -> None:
        self.events.append("stop")


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def client(links: Links, life: Life) -> Iterator[TestClient]:
    checks = {"worker": lambda: life.is_well, "disk": lambda: True}
    app = create_app(links, checks, life.start, life.stop)

    @app.get("/static/whoami")
    def whoami(request: Request) -> HTMLResponse:
        return HTMLResponse(json.dumps(request.state.owner))

    @app.get("/static/asset")
    def asset() -> str:
        return "not a page"

    @app.get("/static/login")
    def login() -> HTMLResponse:
        answer = HTMLResponse()
        answer.set_cookie("access-token-a", "1", httponly=True, samesite="none", secure=True)
        answer.set_cookie("access-token-unsecure-a", "1", httponly=True)  # as Gradio sets them
        return answer

    @app.get("/config")
    def config() -> str:
        return "what gradio_client asks for first"

    with TestClient(app) as made:
        yield made
