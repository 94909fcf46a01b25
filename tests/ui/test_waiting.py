"""The list of one's own waiting jobs."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.makers import request
from wan_demo.domain.job import Job, Status
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.service import Place
from wan_demo.ui.waiting import render_waiting


@pytest.fixture
def links(tmp_path) -> Links:
    return Links(DataFolder(tmp_path).create())


def _job(name: str) -> Job:
    prompt = f"<i>{name}</i>"
    return Job(name, "me", request(prompt=prompt), Status.WAITING, datetime.now(UTC))


def test_nothing_waits(links: Links):
    assert render_waiting([], links) == ""


def test_each_job_says_its_place_among_all_and_when_it_starts(links: Links):
    waiting = [(_job("a"), Place(2, 40.0)), (_job("b"), Place(5, None))]
    html = render_waiting(waiting, links)
    assert "2 jobs of yours wait" in html
    assert "3rd, in about 40 s<" in html
    assert "6th<" in html


def test_a_prompt_is_never_markup_and_an_id_is_never_told(links: Links):
    html = render_waiting([(_job("a-secret-id"), Place(0, None))], links)
    assert "<i>" not in html
    assert not re.search(r"data-job='a-secret-id'", html)
    assert f"data-job='{links.job('a-secret-id')}'" in html


def test_the_first_goes_no_sooner_and_the_last_no_later(links: Links):
    html = render_waiting([(_job(name), Place(0, None)) for name in "abc"], links)
    off = re.findall(r"data-action='(\w+)' data-job='([^']+)'[^>]* disabled", html)
    assert off == [("sooner", links.job("a")), ("later", links.job("c"))]
