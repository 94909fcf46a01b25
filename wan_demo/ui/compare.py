"""A finished edit beside what it was made of: two videos in sync, and a divider between them.

Of several clips all are seen until one is chosen: that one has the screen, and its comparison.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from wan_demo.domain.job import Job
from wan_demo.media.links import Links


def source_of(job: Job, links: Links) -> str | None:
    """The address of what the job's clips were made of; None where there is nothing beside them."""
    is_there = job.outputs and job.status.is_final and job.request.video
    return links.source(job.id) if is_there else None


def render_compare(after: str, count: int, source: str) -> str:
    """The results' players, and before the one that leads as much of the source as is uncovered.

    ``static/compare.js`` keeps them in step and moves the divider.
    """
    return (
        f"<div class='videos n{count} compare'>{after}"
        f"<video class='before' src='{source}' muted playsinline preload='auto' tabindex='-1' "
        "aria-label='Your video before the edit'></video>"
        "<input type='range' class='split' min='0' max='100' value='50' "
        "aria-label='Before and after'><i class='line-between'></i>"
        "<span class='tag of-before' aria-hidden='true'>Before</span>"
        "<span class='tag' aria-hidden='true'>After</span></div>"
    )


def choice_buttons(count: int) -> str:
    """To see one of several clips alone, which the other buttons are about then; or all again."""
    if count < 2:
        return ""
    return "".join(
        f"<button type='button' class='act' data-choose='{index}' aria-pressed='false'>"
        f"Clip {index + 1}</button>"
        for index in range(count)
    )


def compare_buttons() -> str:
    """To see the result alone, and to take the contact sheet along."""
    return (
        "<button type='button' class='act' data-view='result' aria-pressed='false'>"
        "Only the result</button>"
        "<button type='button' class='act' data-action='sheet'>Contact sheet</button>"
    )


def sheet_link() -> gr.HTML:
    """Never seen: a contact sheet that comes here is saved at once."""
    js = "watch('value', () => element.querySelector('a')?.click());"
    return gr.HTML("", elem_id="sheet", js_on_load=js, apply_default_css=False)


def render_sheet_link(path: Path) -> str:
    """The link to a lent file."""
    address = f"gradio_api/file={quote(str(path))}"
    return f"<a href='{escape(address)}' download='contact-sheet.png'>Contact sheet</a>"
