"""One's own waiting jobs, which can be put in another order, doubled and cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wan_demo.domain.job import Job
from wan_demo.jobs.outlook import Place
from wan_demo.media.links import Links
from wan_demo.ui import words


def render_waiting(waiting: Sequence[tuple[Job, Place]], links: Links) -> str:
    """A line for each job; nothing where none waits."""
    if not waiting:
        return ""
    last = len(waiting) - 1
    lines = "".join(
        _line(job, place, links.job(job.id), at == 0, at == last)
        for at, (job, place) in enumerate(waiting)
    )
    title = "1 job of yours waits" if not last else f"{len(waiting)} jobs of yours wait"
    return (
        f"<section class='waiting' aria-label='{title}'><h2>{title}</h2><ol>{lines}</ol></section>"
    )


def _line(job: Job, place: Place, token: str, is_first: bool, is_last: bool) -> str:
    prompt = escape(words.said(job.request)) or words.TASK_TITLES[job.request.task]
    buttons = (
        _button("sooner", "\u2191", "Sooner", token, prompt, is_first)
        + _button("later", "\u2193", "Later", token, prompt, is_last)
        + _button("double", "Duplicate", "Duplicate", token, prompt)
        + _button("cancel", "Cancel", "Cancel", token, prompt)
    )
    return (
        f"<li><button type='button' class='said' data-action='show' data-job='{token}' "
        f"title='{prompt}' translate='no'>"
        f"{prompt}</button><span class='when'>{_when(place)}</span>"
        f"<span class='does'>{buttons}</span></li>"
    )


def _when(place: Place) -> str:
    """Its place among everybody's jobs, and when it starts if that is known."""
    starts = f", in about {words.duration(place.seconds)}" if place.seconds else ""
    return f"{words.ordinal(place.ahead + 1)}{starts}"


def _button(
    action: str, sign: str, does: str, token: str, prompt: str, is_off: bool = False
) -> str:
    off = " disabled" if is_off else ""
    return (
        f"<button type='button' class='act' data-action='{action}' data-job='{token}' "
        f"title='{does}' aria-label='{does}: {prompt}'{off}>{sign}</button>"
    )
