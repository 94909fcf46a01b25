from __future__ import annotations

import pytest


@pytest.mark.parametrize("path", ["/health/live", "/nowhere", "/files/forged", "/owner"])
def test_every_answer_bears_the_headers_that_keep_browsers_careful(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert policy.endswith("frame-ancestors 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_body_that_is_refused_bears_them_too(client):
    answer = client.post("/owner", content=b"x" * 2**21)
    assert answer.status_code == 413
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("path", ["/gradio_api/file=/tmp/x.svg", "/gradio_api/file/x.html"])
def test_what_was_uploaded_is_never_a_page(client, path):
    policy = client.get(path).headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")
