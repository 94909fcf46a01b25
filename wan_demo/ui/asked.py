"""What the page's address asks for: ``?embed=1&tab=...&model=...&prompt=...`` and the other fields.

In another site's document (``<gradio-app src=...>``) it is the tag's own address that asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components import Component

from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.service import Service
from wan_demo.ui import beginning, edit
from wan_demo.ui import form as f
from wan_demo.ui.library_layout import TAB
from wan_demo.ui.models import ordered
from wan_demo.ui.reload import FILES
from wan_demo.ui.words import TASK_TITLES

_TABS = ", ".join([*Task, TAB])

_NOT_ASKED = (*FILES, *beginning.NAMES, *edit.UNCUT, "model")
"""Files, what is cut of them, and the model, which is looked up first."""

LONGEST = 10_000
"""Characters of a text that an address may hold; no prompt is longer."""


def filled(
    asked: Mapping[str, Any], service: Service, form: Mapping[str, Component]
) -> dict[str, Any]:
    """The form as an address asks for it, as ``memory`` would have kept it.

    What can't be is left out and named in ``said``; what a model can't do stays, for the line above
    Generate to refuse.
    """
    task, no_tab = _task_of(asked)
    spec, no_model = _model_of(asked, task, service)
    fields = [name for name in asked if name in form and name not in _NOT_ASKED]
    given = {name: _value_of(form[name], asked[name]) for name in fields}
    wrong = [_wrong(name, asked[name], form[name]) for name in fields if given[name] is None]
    usable = {name: value for name, value in given.items() if value is not None}
    return {
        **f.defaults_of(spec, edit.method_of(spec)),
        **usable,
        "model": spec.id,
        "task": task.value,
        "tab": TAB if asked.get("tab") == TAB else task.value,
        "lock": "seed" in usable,
        "said": ". ".join([*no_tab, *no_model, *wrong]),
    }


def _task_of(asked: Mapping[str, Any]) -> tuple[Task, list[str]]:
    told = asked.get("tab")
    if told in list(Task):
        return Task(told), []
    is_known = told in (None, TAB)
    return Task.TEXT_TO_VIDEO, [] if is_known else [
        f"There is no tab {told!r:.80}: it can be {_TABS}"
    ]


def _model_of(
    asked: Mapping[str, Any], task: Task, service: Service
) -> tuple[ModelSpec, list[str]]:
    """The model that is asked for; another, and why, where there is none or it can't do it."""
    told = asked.get("model") or service.default_model
    if told not in service.models.ids:
        spec, said = service.models.find(service.default_model), [f"There is no model {told!r:.80}"]
    else:
        spec, said = service.models.find(told), []
    if task in spec.tasks:
        return spec, said
    able = ordered(service, task)
    no_task = f"{spec.title} can't do {TASK_TITLES[task]}"
    return (able or [spec])[0], [*said, no_task] if "model" in asked else said


def _wrong(name: str, text: Any, component: Component) -> str:
    """That a field can't be so, and which words it may be where there are some."""
    may = [str(value) for _, value in getattr(component, "choices", None) or () if value]
    if may:
        return f"{name} can't be {text!r:.80}: it can be {', '.join(may)}"
    return f"{name} can't be {text!r:.80}"


def _value_of(component: Component, text: Any) -> Any:
    """A text of the address as a component holds it; None where it can't."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    if isinstance(component, gr.Textbox):
        return text.encode(errors="replace").decode().replace("\0", "")
    if isinstance(component, (gr.Slider, gr.Number)):
        with suppress(ValueError):
            number = float(text)
            if abs(number) < 2**53:  # none of nan, either
                return int(number) if number.is_integer() else number
        return None
    choices = [value for _, value in getattr(component, "choices", None) or ()]
    return text if text in choices else None
