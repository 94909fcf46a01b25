"""A process that submits jobs and tells each answer; arguments: a folder, a seed, a count."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

from tests.chaos.station import OWNER, ROOT, any_request
from wan_demo.errors import WanDemoError
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.media.folder import DataFolder
from wan_demo.service import Service


def main(root: str, seed: str, count: str) -> None:
    """Every other job brings a medium along."""
    folder, random = DataFolder(Path(root)), Random(int(seed))
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    service = Service(store, folder, "wan-tiny", lambda spec: spec.bundled)
    for index in range(int(count)):
        given = any_request(random)
        if index % 2 == 0:
            image = ROOT / "assets" / "examples" / "blue-circle.png"
            given |= {"task": "image_to_video", "image": str(image)}
        try:
            answer = f"accepted {service.submit(given, OWNER).id}"
        except WanDemoError as refusal:
            answer = f"refused {refusal.code}"
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
