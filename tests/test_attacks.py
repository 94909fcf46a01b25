"""What a stranger's client may send to a page that is served: each gets a calm answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from fastapi.testclient import TestClient

from tests.attacks import ATTACKS, Attack
from wan_demo.api.app import create_app
from wan_demo.api.errors import translate_errors
from wan_demo.ui.page import mount

SECRETS = ("Traceback", "site-packages", "root:x:", "wan_demo/", "/tmp/")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    from wan_demo.jobs.memory import MemoryJobStore
    from wan_demo.media.folder import DataFolder
    from wan_demo.media.links import Links
    from wan_demo.service import Service

    folder = DataFolder(tmp_path_factory.mktemp("attacked")).create()
    service = Service(MemoryJobStore(), folder, "wan-tiny", lambda spec: spec.bundled)
    links = Links(folder)
    app = create_app(links, {}, lambda: None, lambda: None)
    mount(app, service, links, "", "cpu")
    translate_errors(app)
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
