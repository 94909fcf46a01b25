"""The page: layout, events and the endpoints for programs, mounted on the application."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from wan_demo import catalog
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.domain.rules import draw_seed
from wan_demo.media.decode import MAX_BYTES
from wan_demo.media.links import Links
from wan_demo.service import Service
from wan_demo.ui import memory
from wan_demo.ui.endpoints import add_endpoints
from wan_demo.ui.handlers import Handlers, State
from wan_demo.ui.layout import Layout, build_layout
from wan_demo.ui.theme import THEME

STATIC = Path(__file__).parent / "static"

CACHE_SECONDS = 24 * 3600
"""How long Gradio keeps uploads and the copies made for downloads."""

MAX_QUEUED_EVENTS = 200

_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Every event of the page returns at once, so none needs Gradio's queue or its spinner."""


def build_page(service: Service, links: Links, why: str) -> gr.Blocks:
    """The whole page; ``why`` says how its first model was chosen."""
    spec = catalog.find(service.default_model)
    with gr.Blocks(
        title="Wan Demo", analytics_enabled=False, delete_cache=(3600, CACHE_SECONDS)
    ) as page:
        layout = build_layout(spec, service.is_available, why)
        state = State(gr.State(""), gr.State(Task.TEXT_TO_VIDEO.value), gr.State(spec.id))
        handlers = Handlers(service, links, layout, state)
        _wire_jobs(page, layout, handlers, state)
        _wire_form(layout, handlers, state)
        _wire_plan(page, layout, handlers, state)
        _wire_memory(page, layout, handlers, state)
        add_endpoints(service)
    page.queue(max_size=MAX_QUEUED_EVENTS, api_open=False)
    return page


def mount(app: Any, service: Service, links: Links, why: str) -> Any:
    """Mount the page at the application's root; returns the application."""
    return gr.mount_gradio_app(
        app,
        build_page(service, links, why),
        path="/",
        theme=THEME,
        css_paths=STATIC / "page.css",
        js=(STATIC / "page.js").read_text(),
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        max_file_size=MAX_BYTES,
        blocked_paths=[str(service.folder.root)],
        favicon_path=str(STATIC / "favicon.png"),
    )


def greeting(spec: ModelSpec, why: str) -> str:
    """What the terminal says beside the address."""
    kind = "the bundled small model" if spec.bundled else spec.title
    return f"model: {spec.id}, {kind}: {why}"


def _wire_jobs(page: gr.Blocks, at: Layout, do: Handlers, state: State) -> None:
    """Generate, Stop, the look at the queue, and the stage's own buttons."""
    asked = [*at.form.components().values(), at.lock, state.job_id, state.task]
    watched = [at.stage, at.strip, at.stop, at.queue, at.timer]
    submitted = [*watched, state.job_id, at.plan, at.form.seed]
    _on(at.generate.click, do.generate, asked, submitted)
    _on(at.stop.click, do.stop, [state.job_id], watched)
    _on(at.timer.tick, do.poll, [state.job_id], watched)
    _on(at.strip.show, do.show, [], [*watched, state.job_id])
    _on(at.stage.again, do.again, [state.job_id], submitted)
    _on(page.load, do.load, [], [*watched, state.job_id])


def _wire_form(at: Layout, do: Handlers, state: State) -> None:
    """Presets, ratios, the model, the seed, and clips that come back into the form."""
    form, fields = at.form, list(at.form.components().values())
    filled = [*fields, at.lock, at.preset, at.ratio, at.tabs, state.task]
    _on(at.stage.reuse, do.reuse, [state.job_id], filled)
    _on(at.stage.animate, do.animate, [state.job_id], filled)
    _on(at.stage.edit, do.edit, [state.job_id], filled)
    _on(at.plan.fix, do.fix, fields, [*fields, at.tabs, state.task])
    for examples in at.examples.values():
        _on(examples.pick, do.pick, [form.model], fields)
    _on(at.preset.input, do.choose_preset, [at.preset, form.model], fields)
    _on(at.ratio.input, do.choose_ratio, [at.ratio, form.model], fields)
    _on(
        form.model.input,
        do.choose_model,
        [*fields, state.model],
        [*fields, state.model, at.preset, at.ratio, *at.examples.values()],
    )
    for medium in (form.image, form.video):
        _on(medium.upload, do.receive_medium, [*fields, state.task], [*fields, at.ratio])
    at.dice.click(lambda: (draw_seed(), True), None, [form.seed, at.lock], **_QUIET)
    form.seed.input(lambda: True, None, at.lock, **_QUIET)
    for slider in (form.num_inference_steps, form.num_frames):
        slider.input(lambda: None, None, at.preset, **_QUIET)
    for slider in (form.width, form.height):
        slider.input(lambda: None, None, at.ratio, **_QUIET)


def _wire_plan(page: gr.Blocks, at: Layout, do: Handlers, state: State) -> None:
    """The line above Generate follows every control; a tab first says which task it is."""
    fields: dict[str, Any] = at.form.components()
    line: dict[str, Any] = {
        "fn": do.plan,
        "inputs": {*fields.values(), state.task},
        "outputs": [at.plan, at.readout],
        **_QUIET,
    }
    triggers = [component.change for name, component in fields.items() if name != "seed"]
    gr.on([*triggers, page.load], trigger_mode="always_last", **line)
    for tab in at.tabs.children:
        if isinstance(tab, gr.Tab):
            tab.select(partial(str, tab.id), None, state.task, **_QUIET).then(**line)


def _wire_memory(page: gr.Blocks, at: Layout, do: Handlers, state: State) -> None:
    """A reload brings the form back as it was."""
    fields = at.form.components()
    kept: dict[str, Any] = {
        name: component
        for name, component in {**fields, "lock": at.lock}.items()
        if name not in memory.KEPT_OUT
    }
    tabs = [tab for tab in at.tabs.children if isinstance(tab, gr.Tab)]
    gr.on(
        [component.change for component in kept.values()] + [tab.select for tab in tabs],
        None,
        list(kept.values()),
        None,
        js=memory.save_js(list(kept)),
        **_QUIET,
    )
    restored = [*fields.values(), at.lock, at.preset, at.ratio, at.tabs, state.task, state.model]
    page.load(
        do.restore,
        {at.kept},
        [*restored, *at.examples.values()],
        js=memory.load_js(),
        **_QUIET,
    )


def _on(event: Any, handler: Any, reads: Iterable[Any], writes: Iterable[Any]) -> None:
    """Wire an event: the handler gets what it reads and answers with updates, by component."""
    event(handler, set(reads) or None, list(writes), **_QUIET)
