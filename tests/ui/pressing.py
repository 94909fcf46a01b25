"""The page's events as any client may send them."""

from __future__ import annotations

import json
from typing import Any

from fastapi.testclient import TestClient


def press_event(
    client: TestClient, name: str, told: Any, session: str = "page", **more: Any
) -> Any:
    """The answer to an event, its values all the same; NaN and half characters stay as they are."""
    config = client.get("/config").json()
    event = next(each for each in config["dependencies"] if each["api_name"] == name)
    data = [told] * len(event["inputs"])
    body = {"data": data, "fn_index": event["id"], "session_hash": session, **more}
    head = {"content-type": "application/json"}
    return client.post("/gradio_api/run/predict", content=json.dumps(body), headers=head)
