from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from contextvars import copy_context
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.makers import request
from wan_demo import logs, worker
from wan_demo.engine.fake import FakeEngine
from wan_demo.jobs import signs
from wan_demo.logs import CONTINUED, JsonFormatter, TextFormatter, about, add_job
from wan_demo.worker import Worker

FORGED = "a fox\n2026-01-01 00:00:00,000 ERROR wan_demo: the server burns\r\x1b[2J\x85\u2028\u202e"
ROOT = Path(__file__).resolve().parents[1]


class Log:
    """A logger of its own with a formatter, and what it wrote."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self._to = io.StringIO()
        handler = logging.StreamHandler(self._to)
        handler.setFormatter(formatter)
        handler.addFilter(add_job)
        self.log = logging.Logger("wan_demo.test")
        self.log.addHandler(handler)

    @property
    def lines(self) -> list[str]:
        text = self._to.getvalue()
        assert text.endswith("\n")
        return text[:-1].split("\n")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
@pytest.mark.parametrize("typed", [FORGED, "\n", "日本語 is text", "\x00\x7f", "\ud800"])
def test_what_people_type_stays_in_its_record_and_its_line(formatter, typed):
    log = Log(formatter)
    log.log.warning("prompt %s", typed)
    (line,) = log.lines
    assert line.isprintable()
    if isinstance(formatter, JsonFormatter):
        assert json.loads(line)["message"] == f"prompt {typed}"


@given(st.text())
def test_no_text_at_all_makes_a_second_line(typed: str):
    for formatter in (TextFormatter(), JsonFormatter()):
        log = Log(formatter)
        log.log.error("%s", typed)
        (line,) = log.lines
        assert line.isprintable()


def test_a_traceback_is_told_and_forges_nothing():
    text, as_json = Log(TextFormatter()), Log(JsonFormatter())
    for log in (text, as_json):
        try:
            raise ValueError(FORGED)
        except ValueError:
            log.log.exception("it failed")
    first, *more = text.lines
    assert first.endswith("ERROR wan_demo.test: it failed")
    assert all(line.startswith(CONTINUED) and line.isprintable() for line in more)
    assert any("test_logs.py" in line for line in more)
    (line,) = as_json.lines
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == (
        "ERROR",
        "wan_demo.test",
        "it failed",
    )
    assert "ValueError: a fox" in told["error"]
    assert told["time"].endswith("+00:00")


def test_records_tell_the_job_and_attempt_while_it_is_worked_on():
    text, as_json = Log(TextFormatter()), Log(JsonFormatter())
    for log in (text, as_json):
        with about("abc", 2):
            log.log.warning("inside")
            thread = threading.Thread(target=copy_context().run, args=(log.log.warning, "beside"))
            thread.start()
            thread.join()
        log.log.warning("after")
    assert [line.endswith("[job abc attempt 2]") for line in text.lines] == [True, True, False]
    told = [json.loads(line) for line in as_json.lines]
    assert [(each.get("job"), each.get("attempt")) for each in told] == [
        ("abc", 2),
        ("abc", 2),
        (None, None),
    ]


def test_all_that_a_worker_logs_about_a_job_says_so(store, folder, monkeypatch):
    seen: list[tuple[str | None, int | None]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((record.__dict__["job"], record.__dict__["attempt"]))

    class Loud(FakeEngine):
        def generate(self, request, inputs):
            beat.wait(10)
            logging.getLogger("a.library").warning("loud")
            raise ZeroDivisionError

    beat = threading.Event()

    def fail(_claim: object) -> None:
        beat.set()
        raise OSError

    monkeypatch.setattr(worker, "beating", partial(signs.beating, seconds=0.01))
    monkeypatch.setattr(store, "beat", fail)
    handler = Handler()
    handler.addFilter(add_job)
    logging.getLogger().addHandler(handler)
    try:
        job = store.add(request(), "ada")
        Worker("w", store, Loud(), folder).run_once()
        logging.getLogger("wan_demo").warning("idle")
    finally:
        logging.getLogger().removeHandler(handler)
    assert set(seen[:-1]) == {(job.id, 1)}
    assert len(seen) >= 4  # a beat, the library, the failure, and what came after
    assert seen[-1] == (None, None)


def test_a_server_told_to_logs_json_and_so_does_its_worker(tmp_path):
    code = (
        "import logging; from wan_demo import bootstrap; from wan_demo.settings import Settings; "
        "bootstrap.configure_logging(Settings()); logging.getLogger('x').error('a\\nb')"
    )
    for setting, check in (("json", json.loads), ("text", str)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "WAN_DEMO_LOG_FORMAT": setting},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        (line,) = done.stderr.splitlines()
        assert check(line)
        assert "a\\nb" in line


def test_escapes_are_those_of_python():
    assert logs.escaped("a\tb\x1b") == "a\\tb\\x1b"
    assert logs.escaped("日本語") == "日本語"
