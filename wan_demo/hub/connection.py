"""One conversation with the hub: what is asked, how often, and what its refusals mean.

httpx follows the hub's redirects to its file hosts and never takes the token along to another
host. Compressed answers are declined, so that byte counts are those of the file.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from typing import NoReturn, TypeVar

import httpx
from huggingface_hub import constants, get_token

from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed, DownloadStopped
from wan_demo.hub import words

T = TypeVar("T")
Stopped = Callable[[], bool]
MAX_REDIRECTS = 5
STOP_POLL_SECONDS = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long to insist; times in seconds."""

    attempts: int = 6
    """In a row, without a new byte between them."""
    first_wait: float = 1.0
    """Doubles with each attempt; up to half of it is left off by chance."""
    longest_wait: float = 60.0
    """A cap, also on what a server asks for in Retry-After."""
    silence: float = 20.0
    """Without a byte, a connection counts as lost."""


_NO_ADDRESS = (
    *(httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL),
    UnicodeError,  # a host's name that no name server could be asked for
)
"""What httpx raises for a redirect that leads nowhere."""


class Passing(Exception):
    """A fault that may be over the next time; ``str`` is what the hub did, as a verb."""

    def __init__(self, did: str, wait: float = 0.0) -> None:
        super().__init__(did)
        self.wait = wait


class GaveUp(Exception):
    """A passing fault came again too often; ``str`` is what the hub did, as a verb."""


class RangeRefused(Exception):
    """416: the server has fewer bytes than are here."""


class Connection:
    """Requests about one source. Every method raises DownloadStopped once ``stopped()`` is true."""

    def __init__(self, source: Source, endpoint: str, stopped: Stopped, patience: Patience) -> None:
        self.source = source
        self.endpoint = endpoint
        self._stopped = stopped
        self._patience = patience
        self._client = httpx.Client(
            headers=_headers(),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            event_hooks={"request": [self._refuse_address]},
            timeout=httpx.Timeout(patience.silence),
            verify=_certificates(),
        )

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    @property
    def host(self) -> str:
        """The hub's name in sentences."""
        return words.host(self.endpoint)

    def check(self) -> None:
        """Raises DownloadStopped when the one who asked wants no more."""
        if self._stopped():
            raise DownloadStopped

    @contextmanager
    def get(self, url: str, offset: int = 0) -> Iterator[httpx.Response]:
        """An answer whose body is still to be read, from byte ``offset`` on if the server can.

        Raises Passing, RangeRefused, DownloadFailed; Passing also for what breaks off inside.
        """
        self.check()
        headers = {"range": f"bytes={offset}-"} if offset else {}
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                self._refuse(answer)
                yield answer
        except httpx.ConnectError as fault:
            raise Passing("can't be reached") from fault
        except httpx.TimeoutException as fault:
            raise Passing("does not answer") from fault
        except _NO_ADDRESS as fault:
            raise self._failed("gave an address that can't be followed") from fault
        except httpx.RequestError as fault:
            raise Passing("broke off") from fault

    def persist(self, attempt: Callable[[], T], bytes_here: Callable[[], int]) -> T:
        """Try until it works; only tries in a row that brought no byte count as failed.

        Raises GaveUp, and what ``attempt`` raises other than Passing.
        """
        failures, seen = 0, bytes_here()
        while True:
            self.check()
            try:
                return attempt()
            except Passing as fault:
                failures = 1 if bytes_here() > seen else failures + 1
                seen = max(seen, bytes_here())  # it falls where a server does no ranges
                if failures >= self._patience.attempts:
                    raise GaveUp(str(fault)) from fault
                logger.warning("%s %s (%r), try %d", self.host, fault, fault.__cause__, failures)
                self._pause(max(fault.wait, self._backoff(failures)))

    def _backoff(self, failures: int) -> float:
        return self._patience.first_wait * 2 ** (failures - 1) * random.uniform(0.5, 1.0)

    def _pause(self, seconds: float) -> None:
        """Sleep, but not through a stop."""
        end = time.monotonic() + min(seconds, self._patience.longest_wait)
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, STOP_POLL_SECONDS))

    def _refuse_address(self, request: httpx.Request) -> None:
        """A redirect must not leave encryption, nor ask what is reachable from this machine only.

        Link-local addresses are where clouds tell a machine its own secrets.
        """
        is_bared = self.endpoint.startswith("https:") and request.url.scheme != "https"
        if is_bared or _is_link_local(request.url.host):
            raise httpx.UnsupportedProtocol("an address that no hub needs")

    def _refuse(self, answer: httpx.Response) -> None:
        """Raise for what is no file: each refusal is passing, or a sentence."""
        status = answer.status_code
        if status in (200, 206):
            return
        if status == 416 and "range" in answer.request.headers:
            raise RangeRefused
        if status in (408, 429) or status >= 500:
            raise Passing(f"answered with error {status}", _retry_after(answer))
        is_elsewhere = answer.url.netloc != httpx.URL(self.endpoint).netloc
        if is_elsewhere and "x-error-code" not in answer.headers:  # such addresses expire
            raise Passing(f"sent on to an address that answered with error {status}")
        self._explain(answer)

    def _explain(self, answer: httpx.Response) -> NoReturn:
        code = answer.headers.get("x-error-code", "")
        if code == "GatedRepo" or (answer.status_code == 403 and code != "RepoNotFound"):
            raise DownloadFailed(words.gated(self.source, self.endpoint))
        if "Invalid credentials" in answer.headers.get("x-error-message", ""):
            raise DownloadFailed(f"{self.host} does not accept the token (HF_TOKEN).")
        if code == "RevisionNotFound":
            raise DownloadFailed(f"{self.source.repo} has no revision {self.source.revision}.")
        if code == "EntryNotFound":
            raise self._failed("lists a file that it does not have")
        if code == "RepoNotFound" or answer.status_code in (401, 404):
            raise DownloadFailed(words.hidden(self.source, self.endpoint))
        raise self._failed(f"answered with error {answer.status_code}")

    def _failed(self, did: str) -> DownloadFailed:
        return DownloadFailed(f"{self.source.repo} could not be downloaded: {self.host} {did}.")


def _is_link_local(host: str) -> bool:
    try:
        return ip_address(host).is_link_local
    except ValueError:  # a name
        return False


@cache
def _certificates() -> ssl.SSLContext:
    """Read once a process, as it takes longer than many a request."""
    return httpx.create_ssl_context()


def _headers() -> dict[str, str]:
    """Not huggingface_hub's own: those name the machine's libraries and agents as well."""
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    headers = {"user-agent": "wan_demo", "accept-encoding": "identity"}
    return headers | ({"authorization": f"Bearer {token}"} if token else {})


def _retry_after(answer: httpx.Response) -> float:
    """Seconds that the server asks to wait, from either form of the header; 0 without one."""
    text = answer.headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a time zone
        return 0.0
