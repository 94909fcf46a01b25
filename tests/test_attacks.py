"""What a stranger's client may send to a page that is served: each gets a calm answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from fastapi.testclient import TestClient

from tests.attacks import ATTACKS, Attack
from tests.ui.serving import served_page

SECRETS = ("Traceback", "site-packages", "root:x:", "wan_demo/", "/tmp/")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = served_page(tmp_path_factory.mktemp("attacked"))
    with TestClient(app) as made:  # which raises what a server would log
        yield made


@pytest.mark.parametrize("attack", [pytest.param(one, id=one.tries) for one in ATTACKS])
def test_an_attack_gets_its_answer_and_nothing_of_the_servers(client: TestClient, attack: Attack):
    send = partial(client.request, attack.method, attack.path, headers=dict(attack.headers))
    answer = send(content=attack.body())
    assert answer.status_code in attack.statuses, answer.text[:300]
    assert attack.says in answer.text
    assert [secret for secret in SECRETS if secret in answer.text] == []
    assert "content-security-policy" in answer.headers
    assert client.get("/health/live").status_code == 200
