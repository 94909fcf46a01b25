"""A container: an image's command under way, as process 1, on files that it can't change.

Its network is its own and leads nowhere; only what runs beside it by ``nsenter`` reaches it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.image.build import copy_tree
from tests.image.image import Image
from tests.image.sandbox import Bind, Sandbox, as_user


class Container:
    """``docker run --read-only`` with the image's volumes below ``volumes``, and a log file.

    A volume is filled from the image where it is new, as Docker does it, owners included.
    """

    def __init__(self, image: Image, volumes: Path, log: Path) -> None:
        self.image = image
        self._log = log
        binds = [_bind(image, path, volumes) for path in (*image.volumes, *for_itself(image))]
        sandbox = Sandbox(
            image.root, image.environment, image.folder, image.ids, writable=False, binds=binds
        )
        reading, writing = os.pipe()
        command = sandbox.command(image.command, "--info-fd", str(writing))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
            )
        os.close(writing)
        with os.fdopen(reading) as info:
            told = info.read()
        assert told, f"it could not be started (exit status {self._process.wait()}):\n{self.log}"
        self._first = int(json.loads(told)["child-pid"])

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()  # and all that is in it
        self._process.wait()

    @property
    def log(self) -> str:
        """What it has said so far, and those before it with the same log."""
        return self._log.read_text(errors="replace")

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """``docker exec``: a command in it, by its user."""
        variables = (f"{name}={text}" for name, text in self.image.environment.items())
        return subprocess.run(
            [
                *(
                    "nsenter",
                    f"--target={self._first}",
                    "--mount",
                    "--pid",
                    "--net",
                    "--root",
                    "--",
                ),
                *("env", "--ignore-environment", f"--chdir={self.image.folder}", *variables),
                *(*as_user(self.image.ids), *command),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )

    def command_on_its_network(self, module: str, *arguments: str) -> Sequence[str]:
        """What to start for a program of this repository that calls the container."""
        enter = ["nsenter", f"--target={self._first}", "--net"]
        return [*enter, "--", sys.executable, "-m", module, *arguments]

    def wait_until_healthy(self, seconds: float) -> None:
        """Until the image's HEALTHCHECK ends with 0.

        Raises AssertionError if the container ends, or the time does.
        """
        end = time.monotonic() + seconds
        while (looked := self.run(self.image.healthcheck)).returncode != 0:
            assert self._process.poll() is None, f"it ended by itself:\n{self.log[-3000:]}"
            assert time.monotonic() < end, f"unhealthy: {looked.stdout}\n{self.log[-3000:]}"
            time.sleep(0.5)

    def stop(self, seconds: float) -> int:
        """``docker stop``: its stop signal, to process 1; returns the exit status.

        Raises subprocess.TimeoutExpired where Docker would kill it.
        """
        os.kill(self._first, signal.Signals[self.image.stop_signal])
        return self._process.wait(seconds)


def _bind(image: Image, path: str, volumes: Path) -> Bind:
    volume = volumes / path.strip("/").replace("/", "-")
    if not volume.exists():
        copy_tree(image.root / path.lstrip("/"), volume)
    return Bind(volume, path, writable=True)


def for_itself(image: Image) -> Sequence[str]:
    """What a container with a read-only root can write to beside its volumes."""
    return ("/tmp", image.environment["HOME"])
