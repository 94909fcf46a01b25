"""Where everything is in the Library; what it does is wired in ``page``."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from wan_demo.ui.html import html
from wan_demo.ui.key import KeyBox, key_box
from wan_demo.ui.values import Dropdown, UploadButton

TAB = "library"

PAGE = 24
"""How many cards there are at first, and how many more each time: whole rows of 2, 3, 4 and 6."""

MOST_CARDS = 100 * PAGE
"""At a time: who made more than that finds the older ones by a search."""

ALL_TASKS, ALL_MODELS = ("All tasks", ""), ("All models", "")


@dataclass(frozen=True)
class LibraryParts:
    """The components of the Library. ``limit``: how many cards; ``opened``: the clip that is."""

    tab: gr.Tab
    search: gr.Textbox
    task: Dropdown
    model: Dropdown
    shelf: gr.HTML
    clip: gr.HTML
    limit: gr.State
    opened: gr.State
    key: KeyBox


def library_tab() -> LibraryParts:
    """The tab beside those of the tasks."""
    with gr.Tab("Library", id=TAB) as tab:
        with gr.Row(elem_id="library-tools"):
            search = gr.Textbox(
                label="Search", placeholder="Words of the prompt", elem_id="search", max_lines=1
            )
            task = _filter("Task", ALL_TASKS, "filter-task")
            model = _filter("Made with", ALL_MODELS, "filter-model")
        shelf = html("", "library", "open", "more", "clear", "pin", "delete", "look")
        clip = html(
            "", "clip", "open", "close", "reuse", "extend", "edit", "animate", "pin", "delete"
        )
        limit, opened = gr.State(PAGE), gr.State("")
        key = key_box()
    return LibraryParts(tab, search, task, model, shelf, clip, limit, opened, key)


def notice_line() -> gr.HTML:
    """What was just done, and how to take it back; it lies at the window's edge."""
    return html("", "notice", "undo", "dismiss")


def clip_file() -> UploadButton:
    """Takes an MP4 made by the app: it is dropped anywhere on the page, or chosen.

    Never seen itself: its text is what the page says while something is dragged over it.
    """
    return UploadButton("Drop an MP4 made here to have its settings back", elem_id="clip-file")


def _filter(label: str, everything: tuple[str, str], elem_id: str) -> Dropdown:
    return Dropdown(
        label=label,
        choices=[everything],
        value="",
        elem_id=elem_id,
        filterable=False,
        min_width=120,
    )
