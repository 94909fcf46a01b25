"""The Library as HTML: the cards of one's own clips, and one of them opened.

``static/library.js`` adds what HTML alone can't do: clips that play under the pointer, arrow keys,
dates as the browser writes them, and the choice of several.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from html import escape

from wan_demo.domain.job import Job, Output
from wan_demo.domain.library import UNDO
from wan_demo.library.budget import PINNABLE
from wan_demo.library.clips import Page
from wan_demo.media.links import Links
from wan_demo.ui import words
from wan_demo.ui.library_layout import MOST_CARDS

_ICON = "<svg viewBox='0 0 24 24' aria-hidden='true'><path d='{}'/></svg>"
PIN = _ICON.format("M15 3l6 6-2 1-1 5-2 2-4-4-6 6-1-1 6-6-4-4 2-2 5-1z")
BIN = _ICON.format("M9 3h6l1 2h4v2H4V5h4zM6 9h12l-1 12H7z")


def render_shelf(
    page: Page, is_searched: bool, links: Links, next_to_go: Set[str], max_bytes: float | None
) -> str:
    """Everything that a search finds, as cards; or why there are none."""
    if not page.jobs:
        return _shelf(_nothing_found() if is_searched else _nothing_yet())
    cards = "".join(_card(job, links, job.id in next_to_go) for job in page.jobs)
    return _shelf(
        f"{_head(page, is_searched)}{_budget(max_bytes)}"
        f"<div class='grid' role='list' aria-label='Your clips'>{cards}</div>{_more(page)}"
    )


def render_clip(job: Job, index: int, links: Links, is_next_to_go: bool) -> str:
    """One job opened: a clip of it large, the others beside it, its settings, what can be done."""
    output, token = job.outputs[index], links.job(job.id)
    source, poster = links.video(output.file), links.poster(output.file)
    still = f" poster='{poster}'" if poster else ""
    return (
        f"<article class='opened' data-job='{token}' aria-label='Clip'>"
        f"<div class='way'><button type='button' class='act' data-action='close'>"
        f"‹ All clips</button>{_when(job)}</div>"
        f"<div class='screen'><video src='{source}'{still} controls autoplay loop muted "
        f"playsinline aria-label='Your video, seed {output.seed}'></video></div>"
        f"<div class='about'>{_clips(job, index, token)}"
        f"<p class='said' translate='no'>{escape(words.said(job.request))}</p>"
        f"<div class='chips'>{_facts(job, output)}</div>{_goes(is_next_to_go)}"
        f"<div class='actions'>{_actions(job, index, source, token)}</div></div></article>"
    )


def render_notice(text: str, undo: tuple[str, ...] = (), is_bad: bool = False) -> str:
    """A line at the window's edge; ``undo`` are tokens of jobs that its button brings back."""
    seconds = f"{UNDO.total_seconds():.0f}" if undo else ""
    button = (
        f"<button type='button' class='act' data-action='undo' data-jobs='{','.join(undo)}'>Undo"
        "</button>"
    )
    return (
        f"<div class='note{' bad' if is_bad else ''}' role='{'alert' if is_bad else 'status'}' "
        f"data-seconds='{seconds}'>"
        f"<span>{escape(text)}</span>{button if undo else ''}"
        "<button type='button' class='shut' data-action='dismiss' aria-label='Close'>×</button>"
        "</div>"
    )


def deleted(count: int) -> str:
    """``Deleted 1 clip.``"""
    return f"Deleted {_clips_of(count)}."


def _clips_of(count: int) -> str:
    return "1 clip" if count == 1 else f"{count:,} clips"


def _shelf(inside: str) -> str:
    return (
        "<section class='shelf' aria-label='Library'>"
        f"<button type='button' data-action='look' hidden></button>{inside}</section>"
    )


def _head(page: Page, is_searched: bool) -> str:
    count = f"{_clips_of(page.count)} found" if is_searched else _clips_of(page.count)
    return (
        f"<div class='head'><p class='count' role='status'>{count}</p>"
        "<button type='button' class='act several' data-action='delete' data-jobs='' "
        "data-words='Delete {} selected' hidden>"
        f"</button>{_file()}</div>"
    )


def _more(page: Page) -> str:
    """How to see what these cards leave out."""
    if page.count == len(page.jobs):
        return ""
    if len(page.jobs) >= MOST_CARDS:
        return f"<p class='budget'>These are the newest {MOST_CARDS:,}. Search for older ones.</p>"
    return "<button type='button' class='act more' data-action='more'>Show more</button>"


def _file() -> str:
    return "<button type='button' class='act' data-file>Open an MP4 made here</button>"


def _budget(max_bytes: float | None) -> str:
    if max_bytes is None:
        return ""
    return (
        f"<p class='budget'>This server keeps {max_bytes / 1e9:g} GB of videos. Beyond that the "
        f"oldest go first, whoever made them; pinned ones stay, up to {PINNABLE:.0%} of it.</p>"
    )


def _nothing_yet() -> str:
    return (
        "<div class='none'><strong>Your videos will be here</strong>"
        "<span>Everything that you make is kept in this place, and only you see it.</span>"
        f"{_file()}</div>"
    )


def _nothing_found() -> str:
    return (
        "<div class='none' role='status'><strong>Nothing found</strong>"
        "<span>No clip of yours fits this search.</span>"
        "<button type='button' class='act' data-action='clear'>Show all clips</button></div>"
    )


def _card(job: Job, links: Links, is_next_to_go: bool) -> str:
    said = escape(words.said(job.request))
    prompt, theirs = (said, " translate='no'") if said else ("<i>without a prompt</i>", "")
    label = escape(words.said(job.request) or "without a prompt")
    kept, token = "Unpin" if job.pinned else "Pin", links.job(job.id)
    return (
        f"<div class='card' role='listitem' data-job='{token}'>"
        f"<button type='button' class='open' data-action='open' data-job='{token}' "
        f"aria-label='Open: {label}'><span class='thumb'>{_thumb(job, links)}</span>"
        f"<span class='said'{theirs}>{prompt}</span>"
        f"<span class='chips'>{_short_facts(job)}{_goes(is_next_to_go)}</span></button>"
        f"<label class='pick'><input type='checkbox' data-job='{token}' "
        f"aria-label='Select: {label}'></label>"
        f"<span class='tools'><button type='button' data-action='pin' data-job='{token}' "
        f"data-pin='{'' if job.pinned else 'yes'}' aria-pressed='{str(job.pinned).lower()}' "
        f"aria-label='{kept}: {label}' title='{kept}'>{PIN}</button>"
        f"<button type='button' data-action='delete' data-job='{token}' "
        f"aria-label='Delete: {label}' title='Delete'>{BIN}</button></span></div>"
    )


def _thumb(job: Job, links: Links) -> str:
    """The poster under a player without a source; the clip itself where there is no poster."""
    name = job.outputs[0].file
    source, poster = links.video(name), links.poster(name)
    player = "muted loop playsinline tabindex='-1' aria-hidden='true'"
    several = f"<b>{len(job.outputs)}</b>" if len(job.outputs) > 1 else ""
    if poster is None:
        still = f"<video src='{source}#t=0.5' preload='metadata' {player}></video>"
        return f"<span class='still'>{still}</span>{several}"
    still = f"<img src='{poster}' alt='' loading='lazy'>"
    return (
        f"<span class='still'>{still}<video data-src='{source}' preload='none' {player}></video>"
        f"</span>{several}"
    )


def _short_facts(job: Job) -> str:
    request = job.request
    seconds = words.number(round(request.played_frames / request.fps, 1))
    said = [request.model, f"{request.width}×{request.height}", f"{seconds} s"]
    return "".join(f"<span>{escape(text)}</span>" for text in said) + _when(job)


def _goes(is_next_to_go: bool) -> str:
    hint = "The disk is nearly full: pin it to keep it"
    return f"<em title='{hint}'>next to go</em>" if is_next_to_go else ""


def _when(job: Job) -> str:
    """The browser writes it in its own zone and language."""
    at: datetime = job.finished_at or job.created_at
    return f"<time datetime='{at.isoformat()}'>{at:%d %b %Y}</time>"


def _clips(job: Job, index: int, token: str) -> str:
    if len(job.outputs) < 2:
        return ""
    buttons = "".join(
        f"<button type='button' class='act' data-action='open' data-job='{token}' "
        f"data-clip='{other}' aria-pressed='{str(other == index).lower()}'>Clip {other + 1}"
        "</button>"
        for other in range(len(job.outputs))
    )
    return f"<nav class='clips' aria-label='Clips of this job'>{buttons}</nav>"


def _facts(job: Job, output: Output) -> str:
    said = [f"seed {output.seed}", *words.facts(job.request), job.request.model]
    said += [took] if (took := words.took(job)) else []
    return "".join(f"<span>{escape(text)}</span>" for text in said)


def _actions(job: Job, index: int, source: str, token: str) -> str:
    """The keys are the events that the page listens to."""
    about = f"data-job='{token}' data-clip='{index}'"
    actions = [("reuse", "Use these settings"), ("extend", words.EXTEND)]
    actions += [("animate", words.ANIMATE), ("edit", words.EDIT)]
    buttons = "".join(
        f"<button type='button' class='act' data-action='{action}' {about}>{text}</button>"
        for action, text in actions
    )
    kept = "Unpin" if job.pinned else "Pin"
    return (
        f"{buttons}<a class='act' href='{source}?download=true' download>Download</a>"
        f"<button type='button' class='act' data-action='pin' {about} "
        f"data-pin='{'' if job.pinned else 'yes'}'>{kept}</button>"
        f"<button type='button' class='act danger' data-action='delete' {about}>Delete</button>"
    )
