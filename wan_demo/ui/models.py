"""The list of models as a person looks for one, and the resolutions of the chosen one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from wan_demo.domain.control import control
from wan_demo.domain.model import ModelSpec, Size
from wan_demo.domain.request import Task
from wan_demo.domain.size import fit_ratio
from wan_demo.service import Service
from wan_demo.ui.values import Dropdown


def ordered(service: Service, task: Task) -> list[ModelSpec]:
    """The models that can do a task: what is here first, then what fits this machine."""

    def place(spec: ModelSpec) -> tuple[bool, bool]:
        return not service.is_available(spec), not service.fits(spec)

    return sorted((s for s in service.models.models if task in s.tasks), key=place)


def choices(service: Service, task: Task) -> list[tuple[str, str]]:
    """What the list shows for each: name, download, and what it is for."""
    return [
        (f"{spec.title} · {_to_fetch(spec, service)} · {spec.summary.rstrip('.')}", spec.id)
        for spec in ordered(service, task)
    ]


def model_box(service: Service, spec: ModelSpec, why: str) -> Dropdown:
    """The list, for the tab that the page opens with."""
    return Dropdown(
        label=control("model").label,
        choices=choices(service, Task.TEXT_TO_VIDEO),
        value=spec.id,
        info=f"{spec.title}, because {why}.",
        elem_id="model",
        filterable=False,
    )


def resolution_box(spec: ModelSpec) -> gr.Radio:
    """480p or 720p, where a model was made for several."""
    return gr.Radio(label="Resolution", elem_id="resolution", **resolution_of(spec, {}))


def resolution_of(spec: ModelSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of the buttons for a model and the form's values."""
    names = [each.name for each in spec.resolutions]
    shifts = [f"{each.flow_shift:g} at {each.name}" for each in spec.resolutions]
    differ = len({each.flow_shift for each in spec.resolutions}) > 1
    width, height = _size(spec, values)
    return {
        "choices": names,
        "value": spec.resolution(width, height).name,
        "info": f"Flow shift: {', '.join(shifts)}." if differ else None,
        "visible": len(names) > 1,
    }


def size_at(
    spec: ModelSpec, resolution: str | None, ratio: str | None, values: Mapping[str, Any]
) -> Size | None:
    """The size that two buttons stand for; None where the model has no such resolution.

    Where no ratio is pressed it is that of the form's own width and height.
    """
    found = next((each for each in spec.resolutions if each.name == resolution), None)
    if found is None:
        return None
    if ratio in found.sizes:
        return found.sizes[str(ratio)]
    width, height = _size(spec, values)
    return fit_ratio(width / height, found.area, spec.limits)


def _size(spec: ModelSpec, values: Mapping[str, Any]) -> Size:
    """Width and height; the model's own where the form holds no numbers."""
    sides = values.get("width"), values.get("height")
    if all(isinstance(side, (int, float)) and 16 <= side <= 4096 for side in sides):
        return int(sides[0] or 0), int(sides[1] or 0)
    return spec.defaults.size


def _to_fetch(spec: ModelSpec, service: Service) -> str:
    return "ready" if service.is_available(spec) else f"{spec.download_bytes / 1e9:.0f} GB"
