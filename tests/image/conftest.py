"""The image, built once; without root, or what it is built with, its tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.image.build import Build
from tests.image.sandbox import Sandbox

FOLDER = Path(__file__).resolve().parents[2]
TOOLS = ("bwrap", "mmdebstrap", "nsenter", "setpriv", "unshare")


@pytest.fixture(scope="session")
def build() -> Iterator[Build]:
    """A build of this repository's Dockerfile; nothing is made before an image is asked for.

    Its folder is not pytest's, which would keep some gigabytes of each of the last runs.
    """
    if os.geteuid() != 0:
        pytest.skip("an image is only built as root: others can't give files to other users")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        message = f"no image is built without {', '.join(missing)} (see scripts/system_packages)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    if (tried := Sandbox(Path("/"), writable=False).run(["true"])).returncode != 0:
        pytest.skip(f"an image is only built where there may be namespaces: {tried.stdout.strip()}")
    index = os.environ.get("TORCH_INDEX")
    with TemporaryDirectory(prefix="image-", ignore_cleanup_errors=True) as scratch:
        yield Build(FOLDER, Path(scratch), {"TORCH_INDEX": index} if index else {})
