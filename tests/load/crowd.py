"""Many people at once: each calls an endpoint as gradio_client does, over raw HTTP.

A real gradio_client holds threads, and two hundred of them would measure themselves.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE = 3600.0
PAGE_SECONDS = 0.7
"""How often a busy page asks for its job."""


@dataclass
class Call:
    """One call and how it ended: with a job's video, or with a sentence."""

    owner: int
    job: str | None = None
    video: str | None = None
    sentence: str | None = None
    status: int = 200


@dataclass
class Answers:
    """Seconds that a page waited for its answers."""

    page: list[float] = field(default_factory=list)
    poll: list[float] = field(default_factory=list)


class App:
    """A running app as programs see it."""

    def __init__(self, address: str, http: httpx.AsyncClient) -> None:
        self.address = address
        self.http = http
        self._functions: dict[str, tuple[int, int]] = {}

    async def learn(self) -> None:
        """Which number each endpoint and each event of the page has, and how many inputs."""
        config = (await self.http.get(f"{self.address}/config")).json()
        self._functions = {
            each["api_name"]: (each["id"], len(each["inputs"])) for each in config["dependencies"]
        }
        self.http.cookies.clear()  # one client for all of them

    async def visit(self) -> dict[str, str]:
        """A newcomer's first visit; returns the header that tells who it is from then on."""
        answer = await self.http.get(f"{self.address}/")
        answer.raise_for_status()
        cookie = answer.headers["set-cookie"].partition(";")[0]
        self.http.cookies.clear()
        return {"cookie": cookie}

    async def join(
        self, who: Mapping[str, str], session: str, name: str, given: Sequence[Any]
    ) -> httpx.Response:
        """Gradio's way to begin a call."""
        number, inputs = self._functions[name]
        data = [*given, *[None] * (inputs - len(given))]
        body = {"data": data, "fn_index": number, "session_hash": session}
        return await self.http.post(
            f"{self.address}/gradio_api/queue/join", json=body, headers=dict(who)
        )

    async def event(
        self, who: Mapping[str, str], session: str, name: str, given: Sequence[Any] = ()
    ) -> None:
        """One of the page's own events, which no queue holds up."""
        number, inputs = self._functions[name]
        data = [*given, *[None] * (inputs - len(given))]
        body = {"data": data, "fn_index": number, "session_hash": session}
        answer = await self.http.post(
            f"{self.address}/gradio_api/run/predict", json=body, headers=dict(who)
        )
        answer.raise_for_status()

    async def ends(self, who: Mapping[str, str], session: str) -> dict[str, dict[str, Any]]:
        """The last message of every call of a session, by the call's id; waits for all."""
        url = f"{self.address}/gradio_api/queue/data?session_hash={session}"
        found: dict[str, dict[str, Any]] = {}
        async with self.http.stream("GET", url, headers=dict(who)) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line[len("data: ") :]) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    found[message["event_id"]] = message
        return found


async def person(app: App, number: int, calls: int) -> list[Call]:
    """One person's calls, all at once; they wait until each has ended."""
    who, session = await app.visit(), secrets.token_hex(6)
    made: dict[str, Call] = {}
    refused: list[Call] = []
    for index in range(calls):
        call = Call(number)
        given = [f"load {number} {index}", None, "wan-tiny", 64, 64, 9, 8, 1, 1.0, index]
        answer = await app.join(who, session, "text_to_video", given)
        if answer.status_code == 200:
            made[answer.json()["event_id"]] = call
        else:
            call.status, call.sentence = answer.status_code, answer.json().get("detail")
            refused.append(call)
    if made:
        for event, message in (await app.ends(who, session)).items():
            _read(message, made[event])
    return [*made.values(), *refused]


def _read(message: Mapping[str, Any], call: Call) -> None:
    output = message["output"]
    if message["success"]:
        video, used = output["data"]
        call.video, call.job = (
            video["video"]["url"] if "video" in video else video["url"],
            used["job"],
        )
    else:
        call.sentence = output.get("error") or None


async def look(app: App, answers: Answers, over: asyncio.Event) -> None:
    """A page that stays open: it is opened anew now and then, and polls in between."""
    who, session = await app.visit(), secrets.token_hex(6)
    await app.join(who, session, "text_to_video", ["a page", None, "wan-tiny", 64, 64, 9, 8, 1])
    await app.event(who, session, "load")
    while not over.is_set():
        answers.page.append(await _timed(app.http.get(f"{app.address}/", headers=who)))
        for _ in range(3):
            await asyncio.sleep(PAGE_SECONDS)
            answers.poll.append(await _timed(app.event(who, session, "poll")))


async def _timed(request: Any) -> float:
    began = time.monotonic()
    await request
    return time.monotonic() - began


async def leave(app: App, number: int) -> None:
    """Somebody who calls and does not stay for the answer: the job is made all the same."""
    given = [f"left {number}", None, "wan-tiny", 64, 64, 9, 8, 1, 1.0]
    await app.join(await app.visit(), secrets.token_hex(6), "text_to_video", given)


async def crowd(
    address: str, people: int, calls: int, leaving: int = 0
) -> tuple[list[Call], Answers]:
    """All calls of those who stay, and what a page's answers took meanwhile."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2)  # the server closes after 5 s
    async with httpx.AsyncClient(timeout=PATIENCE, limits=limits, verify=False) as http:
        app, answers, over = App(address, http), Answers(), asyncio.Event()
        await app.learn()
        page = asyncio.create_task(look(app, answers, over))
        await asyncio.gather(*(leave(app, at) for at in range(leaving)))
        made = await asyncio.gather(*(person(app, at, calls) for at in range(people)))
        over.set()
        await page
    return [call for each in made for call in each], answers
