"""A stand-in for the base image, which can't be fetched where there is no registry of images.

It is the same Debian, made of Debian's own packages by mmdebstrap (debootstrap's quicker twin),
with that Debian's own Python instead of the image's: bookworm has 3.11, which the app runs on too.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

NAME = re.compile(r"python:3[.\d]*-slim-(?P<debian>[a-z]+)")
PACKAGES = ("ca-certificates", "python3", "python3-venv")
LOCAL = Path("usr/local/bin")


class NoStandIn(Exception):
    """There is none for that image."""


def make_base(image: str, folder: Path) -> None:
    """Make the root folder of what stands in for ``image``; ``scratch`` is an empty one.

    Raises NoStandIn for another image than Python's slim one on a named Debian.
    """
    if image == "scratch":
        folder.mkdir()
        return
    found = NAME.fullmatch(image)
    if found is None:
        raise NoStandIn(f"{image}: only python:3...-slim-DEBIAN has a stand-in")
    made = subprocess.run(
        [
            # Dies with this process, and takes all that it started and mounted along.
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io"),
            *(f"--include={','.join(PACKAGES)}", found["debian"], str(folder)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if made.returncode != 0:
        raise NoStandIn(f"mmdebstrap could not make {found['debian']}:\n{made.stdout[-3000:]}")
    for name in ("python", "python3"):  # where the image has them, before Debian's own in PATH
        (folder / LOCAL / name).symlink_to("/usr/bin/python3")
