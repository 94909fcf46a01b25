"""What the app changes in Gradio's queue: read there, so a new Gradio may undo it."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal

from wan_demo.errors import InvalidRequest
from wan_demo.ui.calls import MOST_QUEUED, SPARE_PLACES, open_queue


@pytest.fixture
def page() -> gr.Blocks:
    with gr.Blocks() as page:
        gr.on([], lambda: None, api_name="wait", concurrency_limit=None)
    open_queue(page, waiting_jobs=100)
    return page


def call(session: str) -> Any:
    return PredictBodyInternal(fn_index=0, session_hash=session, data=[])


async def push(page: gr.Blocks, session: str) -> tuple[bool, Any, str]:
    return await page._queue.push(call(session), Mock(), None)


def test_every_waiting_job_has_a_place(page):
    assert page._queue.max_thread_count == 100 + SPARE_PLACES


def test_one_call_too_many_is_told_so(page):
    async def main() -> None:
        for index in range(MOST_QUEUED):
            assert (await push(page, f"s{index}"))[2] == "success"
        is_taken, sentence, why = await push(page, "late")
        assert (is_taken, why) == (False, "queue_full")
        assert "full" in sentence

    asyncio.run(main())


def test_callers_who_never_listen_are_forgotten_and_stop_nobody(page):
    queue = page._queue

    async def main() -> None:
        for index in range(3000):
            await push(page, f"s{index}")
            if index != 0:
                for each in queue.event_queue_per_concurrency_id.values():
                    del each.queue[1:]  # the first one still waits, and is forgotten
        assert "s0" not in queue.pending_messages_per_session
        for name in queue.event_queue_per_concurrency_id:
            queue.broadcast_estimations(name)

    asyncio.run(main())
    assert len(queue.pending_messages_per_session) == 2 * (100 + MOST_QUEUED)
    assert set(queue.pending_event_ids_session) == set(queue.pending_messages_per_session)
    assert queue.event_analytics == {}


def test_a_session_with_an_endless_name_is_refused(page):
    queue = page._queue
    with pytest.raises(InvalidRequest, match="session_hash: must have at most 64 characters"):
        asyncio.run(push(page, "s" * 1000))
    assert not queue.pending_messages_per_session
    assert not queue.pending_event_ids_session
    assert not queue.event_ids_to_events
