from __future__ import annotations

from collections.abc import Iterator

import pytest

from wan_demo.api.limits import MAX_BYTES


def in_pieces(count: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    yield from [b'{"key": "' + b"x" * 1000] + [b"x" * 1000] * (count // 1000) + [b'"}']


@pytest.mark.parametrize("body", [b"x" * (MAX_BYTES + 1), in_pieces(MAX_BYTES)])
def test_a_body_that_is_too_long_is_refused_in_a_sentence(client, body):
    answer = client.post("/owner", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, "at most 1 MB" in answer.json()["detail"]) == (413, True)


@pytest.mark.parametrize("said", ["9" * 5000, "99999999999999999999"])
def test_no_length_that_is_said_is_an_error_of_the_server(client, said):
    answer = client.post("/owner", content=b"{}", headers={"content-length": said})
    assert answer.status_code == 413


def test_a_body_of_the_usual_length_is_read(client, links):
    key = links.sign_owner("somebody")
    assert client.post("/owner", json={"key": key}).status_code == 204
    pieces = in_pieces(3000)
    answer = client.post("/owner", content=pieces, headers={"content-type": "application/json"})
    assert answer.status_code == 422
