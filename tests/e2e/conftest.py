"""A real server in a process of its own, and a real browser to drive it with.

A test that is content with the fake engine says so:
``@pytest.mark.parametrize("server", ["fake"], indirect=True)``.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.calm_log import assert_calm
from tests.makers import save_video

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 300.0
END_SECONDS = 60.0
LOOK_MS = 30_000
"""How long a page may take to show what is expected: the machine may be busy."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = [
    "--no-sandbox",  # root, as CI often is, has no sandbox
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

OpenPage = Callable[[], Page]
"""Opens a page as a person who has never been here: cookies of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an end-to-end test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")


@contextmanager
def running_server(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    code: Path = ROOT,
) -> Iterator[str]:
    """A server on a free port and a data folder of its own; yields its address once ready.

    It is ended as a service manager would end it; an exception in its log that nobody caught is a
    failure. It is offline unless the ``environment``, over this process's own, says otherwise.
    ``code`` is where its app.py lies.
    """
    log = folder / "server.log"
    command = [sys.executable, "app.py", "--port", "0", "--data-dir", str(folder / "data")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=code,
            env={**_environment(), "GRADIO_TEMP_DIR": str(folder), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _wait_until_ready(process, log)
    finally:
        _end(process)
        text = log.read_text(errors="replace")
        sys.stdout.write(text)  # pytest shows it with a failure
    assert_calm(text)


def _environment() -> dict[str, str]:
    """This one's, without settings of the app, and as offline as the server must work."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("WAN_DEMO_")}
    kept["WAN_DEMO_DOWNLOADS"] = "false"
    return {**kept, "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the server printed, once it says that it is ready."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        text = log.read_text(errors="replace")
        assert process.poll() is None, f"the server ended by itself:\n{text[-5000:]}"
        found = re.search(r"http://[\w.]+:\d+", text)
        if found and _is_ready(found[0]):
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"not ready within {READY_SECONDS:.0f} s:\n{log.read_text()[-5000:]}")


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"the server did not end within {END_SECONDS:.0f} s") from None


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a running server; its engine is the real one unless parametrised."""
    engine = getattr(request, "param", "pipeline")
    with running_server(tmp_path_factory.mktemp("server"), "--engine", engine) as address:
        yield address


@pytest.fixture(scope="session")
def gray(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video: a second and a half of gray."""
    frames = np.full((12, 96, 96, 3), 120, np.uint8)
    return save_video(tmp_path_factory.mktemp("gray") / "gray.mp4", frames)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        message = "no Chromium is installed (Debian: apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    expect.set_options(timeout=LOOK_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens as many pages as a test needs; an error that no page caught fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_one() -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == [], "errors on the page"


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """One page of one person."""
    return open_page()
