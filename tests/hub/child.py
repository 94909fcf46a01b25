"""Fetch in a process of its own: ``python -m tests.hub.child ENDPOINT ROOT REPO``."""

from __future__ import annotations

import sys
from pathlib import Path

from wan_demo.domain.source import Source
from wan_demo.hub.download import fetch

if __name__ == "__main__":
    endpoint, root, repo = sys.argv[1:]
    fetch(Source(repo), lambda *_: None, lambda: False, root=Path(root), endpoint=endpoint)
