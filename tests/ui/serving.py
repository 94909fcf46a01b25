"""The page as it is served, in this process: what a server would log is raised or on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wan_demo.api.app import create_app
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.service import Service


def served_page(root: Path) -> Any:
    """The application over a data folder, with jobs that nobody does."""
    from wan_demo.ui.page import mount
    from wan_demo.ui.refusing import REFUSALS

    folder = DataFolder(root).create()
    service = Service(MemoryJobStore(), folder, "wan-tiny", lambda spec: spec.bundled)
    links = Links(folder)
    app = create_app(links, {}, lambda: None, lambda: None, refusals=REFUSALS)
    mount(app, service, links, "", "cpu")
    return app
