"""The line above Generate: what will run, or why it can't and what would; and notes below."""

from __future__ import annotations

from html import escape

import gradio as gr

from wan_demo.domain.control import control
from wan_demo.domain.memory import Profile
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.errors import InvalidRequest
from wan_demo.service import Plan
from wan_demo.ui import words
from wan_demo.ui.html import html, script

PLAN = "plan"
"""The ``elem_id`` of the line."""

FOLLOW_JS = f"() => document.getElementById('{PLAN}').dispatchEvent(new Event('follow'))"
"""JavaScript that says to the line that something has changed."""

TOLD_JS = "() => document.dispatchEvent(new Event('told'))"
"""JavaScript that tells ``static/uploads.js`` that the line is new."""

SHAPED_JS = """(prompt, outdated) => {
  document.dispatchEvent(new Event("shaped"));
  return [prompt === outdated ? "" : prompt, ""];
}"""
"""JavaScript that tells it that the form fits an upload, and gives the prompt that goes with it."""


def plan_line() -> gr.HTML:
    """The line; its events are ``fix``, a button's, and ``follow``, once it should be told anew."""
    return html("", PLAN, "fix", "follow", more_js=script("plan.js"))


def coming_line() -> gr.HTML:
    """What stands there instead until an upload is in the form; ``static/uploads.js`` shows it."""
    said = "Your file is still on its way. Generate can be pressed once it is here."
    return gr.HTML(f"<div class='plan' role='status'><p>{said}</p></div>", elem_id="coming")


def render_plan(plan: Plan) -> str:
    """``Will run: 96×96, 17 frames ...``; or why the machine can't."""
    if plan.refusal is not None:
        return render_ask(str(plan.refusal), is_urgent=True)
    said = [*words.facts(plan.request)]
    if plan.request.num_videos_per_prompt > 1:
        said.append(f"{plan.request.num_videos_per_prompt} videos")
    if plan.run_seconds is not None:
        said.append(f"about {words.duration(plan.run_seconds)}")
    if plan.download_bytes:
        said.append(f"after a download of {words.gigabytes(plan.download_bytes)} GB")
    if plan.tokens is not None:
        said.append(f"prompt {plan.tokens.count} of {plan.tokens.limit} tokens")
    seconds = round(plan.run_seconds or 0)
    return (
        f"<div class='plan' data-seconds='{seconds}'><p><b>Will run</b> {escape(', '.join(said))}"
        "</p></div>"
    )


def render_notes(plan: Plan | None) -> str:
    """What to know of a plan, below Generate: a note that comes late never moves the button."""
    if plan is None or plan.refusal is not None:
        return ""
    told = [*plan.notes, *_memory(plan)]
    return "".join(f"<p class='note'>{escape(note)}</p>" for note in told)


def generate_label(plan: Plan | None) -> str:
    """What the button says: nobody fetches 29 GB unawares."""
    if plan is None or plan.refusal is not None or not plan.download_bytes:
        return "Generate"
    return f"Download {words.gigabytes(plan.download_bytes)} GB and generate"


def _memory(plan: Plan) -> list[str]:
    """How the model would be kept in memory, where that is news: it is large, or pinned."""
    if plan.memory is None:
        return []
    pinned = plan.request.profile or plan.request.precision
    is_plain = plan.memory.rung.profile is Profile.RESIDENT and plan.spec.bundled
    return [] if is_plain and not pinned else [plan.memory.sentence]


def render_refusal(error: InvalidRequest) -> str:
    """The refusal in people's words, with a button for each nearest allowed value."""
    label = label_of(error.field)
    fixes = "".join(
        f"<button type='button' class='act' data-action='fix' data-field='{escape(error.field)}' "
        f"data-value='{escape(str(value))}'>Use {escape(_value_words(value))}</button>"
        for value in error.nearest
    )
    return (
        f"<div class='plan bad' role='alert'><p><b>{escape(label)}</b> "
        f"{escape(error.allowed)}; got {escape(error.got)}.</p>{fixes}</div>"
    )


def render_ask(text: str, is_urgent: bool = False) -> str:
    """A line for what is still missing: quiet until Generate was pressed."""
    marks = "plan bad' role='alert" if is_urgent else "plan"
    return f"<div class='{marks}'><p>{escape(text)}</p></div>"


def _value_words(value: object) -> str:
    return words.TASK_TITLES[value] if isinstance(value, Task) else str(value)


def label_of(field: str) -> str:
    """A field's label; a name that is no field stays as it is."""
    return control(field).label if field in GenerationRequest.model_fields else field
