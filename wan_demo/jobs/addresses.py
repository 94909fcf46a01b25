"""Which jobs came from which address, for as long as they have not ended."""

from __future__ import annotations

from collections.abc import Callable, Set
from threading import Lock

from wan_demo.domain.rates import HERE
from wan_demo.errors import TooManyHere


class Addresses:
    """So many open jobs for each address: whoever keeps no cookie is a new owner each time.

    They are kept in memory alone, as no address is to be on the disk. So after a restart each
    begins anew, while all jobs together still keep to their cap. ``open`` tells the ids of all
    open jobs.
    """

    def __init__(self, open: Callable[[], Set[str]], most: int) -> None:
        self._open = open
        self._most = most
        self._jobs: dict[str, str] = {}
        self._lock = Lock()

    def check(self, address: str) -> None:
        """Raises TooManyHere where one more is too many; forgets those that have ended."""
        if address == HERE:
            return
        with self._lock:  # what is added after the look at the table is not forgotten by it
            still = self._open()
            self._jobs = {job: came for job, came in self._jobs.items() if job in still}
            count = sum(came == address for came in self._jobs.values())
        if count >= self._most:
            raise TooManyHere(count, self._most)

    def added(self, job_id: str, address: str) -> None:
        """A job was accepted."""
        if address != HERE:
            with self._lock:
                self._jobs[job_id] = address
