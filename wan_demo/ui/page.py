"""The page: layout, events and the endpoints for programs, mounted on the application."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from wan_demo.attended import Attend
from wan_demo.catalog import BUNDLED
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.rules import draw_seed
from wan_demo.media.decode import MAX_BYTES
from wan_demo.media.links import Links
from wan_demo.service import Service
from wan_demo.ui import attending, notices, reload, words
from wan_demo.ui.aside import aside
from wan_demo.ui.calls import open_queue
from wan_demo.ui.calm import calm
from wan_demo.ui.clip_events import ClipEvents
from wan_demo.ui.endpoints import add_endpoints
from wan_demo.ui.events import State
from wan_demo.ui.form_events import FormEvents
from wan_demo.ui.html import STATIC, script
from wan_demo.ui.key import ENTER_JS
from wan_demo.ui.layout import Layout, build_layout
from wan_demo.ui.library_events import LibraryEvents
from wan_demo.ui.library_layout import TAB
from wan_demo.ui.refusing import RefusingBlocks
from wan_demo.ui.sessions import forget
from wan_demo.ui.stage_events import StageEvents
from wan_demo.ui.theme import THEME
from wan_demo.ui.translated import mark, parts, tags
from wan_demo.ui.values import forget_names

Logins = Sequence[tuple[str, str]]

MOST_PAGES = 1000
"""Pages that Gradio remembers, the latest in use, closed ones too: its own 10,000 are more than a
small machine has memory for."""

SCRIPTS = ("page.js", "library.js", "compare.js", "uploads.js", "stills.js", "access.js")

_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Every event of the page returns at once, so none needs Gradio's queue or its spinner."""


def build_page(
    service: Service,
    links: Links,
    why: str,
    device: str,
    by_login: bool = False,
    attend: Attend | None = None,
) -> gr.Blocks:
    """The whole page; ``why`` says how its first model was chosen, ``device`` what computes.

    Where people are known ``by_login`` they need no key. With ``attend`` events do their jobs
    themselves, else somebody else does.
    """
    spec = service.models.find(service.default_model)
    with RefusingBlocks(title="Wan Demo", analytics_enabled=False) as page:
        layout = build_layout(service, spec, why, _promise(device, attend))
        layout.key.box.visible = not by_login
        state = State.build(spec)
        on_form = ClipEvents(service, links, layout, state)
        on_stage = StageEvents(service, links, layout, state)
        on_stage.is_attended = attend is not None
        _wire_stage(page, layout, on_stage, state, attend)
        _wire_library(layout, LibraryEvents(service, links, layout, state), on_stage, state)
        _wire_form(layout, on_form, state)
        _wire_clips(layout, on_form, state)
        _wire_plan(layout, on_form, state)
        _wire_loras(page, layout, on_form)
        _wire_memory(page, layout, on_form, state)
        page.i18n_instance = mark(page)
        add_endpoints(service, attend)  # whose documentation programs read, in English
    forget_names(page)
    open_queue(page, service.caps.total)
    return page


def mount(
    app: Any,
    service: Service,
    links: Links,
    why: str,
    device: str,
    logins: Logins = (),
    root_path: str = "",
) -> None:
    """Mount the page at the application's root.

    ``logins`` are names and passwords; without them everybody is let in. ``root_path`` is where a
    proxy shows it.
    """
    page = build_page(service, links, why, device, bool(logins))
    page.state_session_capacity = MOST_PAGES
    kept: dict[str, Any] = {"openapi_url": None, "exception_handlers": app.exception_handlers}
    page.has_launched = True  # else Gradio takes any path a client names for an upload
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        root_path=root_path or None,
        app_kwargs=kept,
        **_served(page, service, logins),
    )
    forget(app.routes[-1].app, page)


def launch(
    page: gr.Blocks, service: Service, app: dict[str, Any], host: str, port: int, logins: Logins
) -> str:
    """Serve the page as Gradio does, which is all that ZeroGPU hooks; returns its address.

    ``app`` is what Gradio's application is made with: our routes, middleware and life. The page
    is served until ``page.close``.
    """
    page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        inbrowser=False,
        state_session_capacity=MOST_PAGES,
        app_kwargs=app,
        **_served(page, service, logins),
    )
    forget(page.app, page)
    return str(page.local_url)


def _served(page: gr.Blocks, service: Service, logins: Logins) -> dict[str, Any]:
    """What is the same however the page is served."""
    return {
        "auth": list(logins) or None,
        "theme": THEME,
        "css_paths": [STATIC / f"{name}.css" for name in ("page", "library", "edit", "embed")],
        "head": f"<script>{_head()}</script>",
        "js": _script(*SCRIPTS),
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "ssr_mode": False,
        "i18n": page.i18n_instance,
        "max_file_size": MAX_BYTES,
        "blocked_paths": [str(service.folder.root)],
        "favicon_path": str(STATIC / "favicon.png"),
    }


def _head() -> str:
    """What runs before anything is drawn."""
    told = f"wanDemo.tags = {json.dumps(tags())}; wanDemo.parts = {json.dumps(parts())};"
    return "\n".join([script("embed.js"), reload.HEAD_JS, told])


def _promise(device: str, attend: Attend | None) -> str:
    """What people can count on."""
    said = words.promise(device)
    return said if attend is None else f"{attending.PROMISE} {said}"


def _script(*names: str) -> str:
    """One function that calls those of the files."""
    calls = "; ".join(f"({(STATIC / name).read_text().strip()})()" for name in names)
    return f"() => {{ {calls}; }}"


def greeting(spec: ModelSpec, why: str) -> str:
    """What the terminal says beside the address."""
    kind = "the bundled small model" if spec is BUNDLED else spec.title
    return f"model: {spec.id}, {kind}: {why}"


def _wire_stage(
    page: gr.Blocks, at: Layout, do: StageEvents, state: State, attend: Attend | None
) -> None:
    """Generate, Stop, the looks at the queue, whose jobs they are, and the stage's own buttons."""
    shown = [state.job, at.key.shown]
    asked = [*at.form.components().values(), at.lock, state.task, *shown]
    watched = [at.stage, at.waiting, at.strip, at.stop, at.queue, at.timer, state.job]
    submitted = [*watched, at.plan, at.form.seed]
    _on(at.generate.click, do.generate, asked, submitted, attend)
    _on(at.stop.click, do.stop, shown, watched)
    opened = [*watched, at.key.shown, at.generate]
    _on(at.timer.tick, do.poll, [*shown, state.address], opened)
    _on(at.stage.again, do.again, shown, submitted, attend)
    _on(at.strip.show, do.show, shown, watched)
    _on(at.waiting.show, do.show, shown, watched)
    _on(at.waiting.sooner, do.sooner, shown, watched)
    _on(at.waiting.later, do.later, shown, watched)
    _on(at.waiting.double, do.double, shown, submitted, attend)
    _on(at.waiting.cancel, do.cancel, shown, watched)
    _on(page.load, do.load, [state.address, at.key.shown], opened)
    entered = [at.key.entered, at.key.shown]
    _on(at.key.enter.click, do.enter, entered, [*watched, *entered, at.key.said], js=ENTER_JS)


def _wire_form(at: Layout, do: FormEvents, state: State) -> None:
    """Presets, ratios, the model and the seed."""
    form, fields = at.form, list(at.form.components().values())
    buttons = [at.preset, at.resolution, at.ratio]
    by_model = _by_model(at, state)
    _on(at.plan.fix, do.fix, [*fields, state.task], [*fields, at.tabs])
    for examples in at.examples.values():
        _on(examples.pick, do.pick, [form.model], fields)
    preset = [at.preset, form.model, form.method, state.task]
    _on(at.preset.input, do.choose_preset, preset, fields)
    sized = [at.ratio, at.resolution, form.model, form.width, form.height]
    _on(at.ratio.input, do.choose_ratio, sized, fields)
    _on(at.resolution.input, do.choose_resolution, sized, [*fields, at.ratio])
    asked = [*fields, state.model, state.task]
    _on(form.model.input, do.choose_model, asked, by_model)
    for tab in _tabs(at):
        left = [state.preferred, state.sizes, state.fitted]
        _on(tab.select, do.choose_task, [*asked, *left], [*by_model, state.sizes])
    came = [*fields, state.task, state.awaited]
    shaped = [*fields, *buttons, state.awaited, state.outdated]
    for medium, receive in (
        (form.image, do.receive_medium),
        (form.video, do.receive_medium),
        (form.continued, do.receive_beginning),
    ):
        shape = _on(medium.upload, receive, came, shaped)
        prompt = [form.prompt, state.outdated]
        shape.then(None, prompt, prompt, js=notices.SHAPED_JS, **_QUIET)
    at.dice.click(lambda: (draw_seed(), True), None, [form.seed, at.lock], **_QUIET)
    form.seed.input(lambda: True, None, at.lock, **_QUIET)
    seconds = [form.duration, form.model, state.task]
    _on(form.duration.change, do.choose_seconds, seconds, fields)
    _on(form.method.input, do.choose_method, fields, fields)
    _on(form.num_frames.input, do.choose_frames, fields, [form.duration, form.trim_end])
    asked_edit = [*fields, state.task]
    _on(at.templates.style, do.style, asked_edit, fields)
    _on(at.board.drawn, do.take_drawn, [form.model], [form.mask])
    _on(at.board.wiped, do.wipe_drawn, [form.mask], [form.mask])
    followed = [*fields, *_told(at)]
    for event in (form.speed.input, at.timeline.cut):
        _on(event, do.cut, asked_edit, followed, trigger_mode="always_last")
    for field in (
        *(form.num_inference_steps, form.num_frames, form.width, form.height),
        *(form.guidance_scale, form.guidance_scale_2),
        *(form.scheduler, form.flow_shift, form.loras),
    ):
        _on(field.input, do.match_buttons, fields, buttons)


def _by_model(at: Layout, state: State) -> list[Any]:
    """What another model changes."""
    buttons = [at.preset, at.resolution, at.ratio]
    fields = at.form.components().values()
    shown = [*at.examples.values(), at.templates]
    return [state.fitted, *fields, state.model, state.preferred, *buttons, *shown]


def _wire_clips(at: Layout, do: ClipEvents, state: State) -> None:
    """Clips that come back into the form: the stage's, the Library's, and files."""
    shown = [state.job, at.key.shown, at.form.model]
    told = [at.lock, at.tabs, at.plan, at.notice, at.clip_file]
    filled = [*_by_model(at, state), state.awaited, *told]
    for place in (at.stage, at.library.clip):
        _on(place.reuse, do.reuse, shown, filled)
        _on(place.extend, do.extend, shown, filled)
        _on(place.animate, do.animate, shown, filled)
        _on(place.edit, do.edit, shown, filled)
    _on(at.stage.sheet, do.sheet, shown, [at.sheet, at.plan, at.notice])
    _on(at.clip_file.upload, do.open_file, [at.clip_file, *shown], filled)


def _wire_library(at: Layout, do: LibraryEvents, stage: StageEvents, state: State) -> None:
    """The Library's own events; what is deleted leaves the stage and the strip too."""
    parts, shown = at.library, [state.job, at.key.shown]
    reads = [parts.search, parts.task, parts.model, parts.limit, parts.opened, at.key.shown]
    drawn = [parts.shelf, parts.task, parts.model]
    opened = [parts.clip, parts.opened]
    watched = [at.stage, at.waiting, at.strip, at.stop, at.queue, at.timer]
    for event in (parts.tab.select, parts.shelf.look):
        _on(event, do.look, reads, drawn)
    for event in (parts.search.change, parts.task.input, parts.model.input):  # a paste is no input
        _on(event, do.find, reads, [*drawn, parts.limit], trigger_mode="always_last")
    _on(parts.shelf.clear, do.clear, reads, [*drawn, parts.limit, parts.search])
    _on(parts.shelf.more, do.more, reads, [*drawn, parts.limit])
    for place in (parts.shelf, parts.clip):
        _on(place.open, do.open, reads, opened)
        _on(place.pin, do.pin, reads, [*drawn, *opened, at.notice])
        gone = _on(place.delete, do.delete, reads, [*drawn, *opened, at.notice])
        _on(gone.then, stage.now, shown, watched)
    _on(at.key.shown.change, do.arrive, reads, [*drawn, *opened])
    parts.clip.close(do.close, None, opened, **_QUIET)
    back = _on(at.notice.undo, do.undo, reads, [*drawn, at.notice])
    _on(back.then, stage.now, shown, watched)
    at.notice.dismiss(do.dismiss, None, [at.notice], **_QUIET)


def _wire_loras(page: gr.Blocks, at: Layout, do: FormEvents) -> None:
    """The choice of what lies in the data folder, which may change while the page is open."""
    for event in (page.load, at.lora.focus):
        _on(event, do.list_loras, [at.lora], [at.lora])
    _on(at.lora.input, do.add_lora, [at.lora, at.form.loras], [at.lora, at.form.loras])


def _wire_plan(at: Layout, do: FormEvents, state: State) -> None:
    """The line above Generate follows every control and the tab.

    A preset or a reload changes several at once. The browser lets them pass and asks then, one
    question at a time (``notices.plan_line``): of several answers an older one might come last.
    """
    fields: dict[str, Any] = at.form.components()
    changes = [component.change for name, component in fields.items() if name != "speed"]
    gr.on([*changes, *(tab.select for tab in _tabs(at))], js=notices.FOLLOW_JS, **_QUIET)
    read, written = [*fields.values(), state.task], [*_told(at), at.form.num_frames]
    told = _on(at.plan.follow, do.plan, read, written, trigger_mode="always_last")
    told.then(None, js=notices.TOLD_JS, **_QUIET)


def _told(at: Layout) -> list[Any]:
    """What says what would run."""
    return [at.plan, at.notes, at.readout, at.generate, at.timeline, at.board, at.begun]


def _tabs(at: Layout) -> list[gr.Tab]:
    """Those of the tasks: the Library leaves the form as it is."""
    return [tab for tab in at.tabs.children if isinstance(tab, gr.Tab) and tab.id != TAB]


def _wire_memory(page: gr.Blocks, at: Layout, do: FormEvents, state: State) -> None:
    """A reload brings the form back as it was."""
    fields = at.form.components()
    kept: dict[str, Any] = {**fields, "lock": at.lock}
    gr.on(
        [component.change for component in kept.values()]
        + [tab.select for tab in (*_tabs(at), at.library.tab)],
        None,
        list(kept.values()),
        None,
        js=reload.save_js(list(kept)),
        **_QUIET,
    )
    buttons = [at.preset, at.resolution, at.ratio]
    states = [state.fitted, state.model, state.preferred]
    restored = [*states, *fields.values(), at.lock, *buttons, at.tabs, at.notice]
    page.load(
        calm(do.restore, restored),
        {at.kept},
        [*restored, *at.examples.values(), at.templates],
        js=reload.load_js(),
        **_QUIET,
    )


def _on(
    event: Any,
    handler: Any,
    reads: Sequence[Any],
    writes: Sequence[Any],
    attend: Attend | None = None,
    **options: Any,
) -> Any:
    """Wire an event: the handler gets what it reads and answers with updates, by component.

    What the browser alone knows is put in where it is read: see ``State``. With ``attend`` the
    event does the jobs that it submits.
    """
    answer = calm(handler, writes)
    if attend is None:
        answer = aside(answer)
    else:  # which has threads of its own: ``attending.AT_ONCE``
        answer = attending.attending(answer, attend, {writes[0]: gr.skip()})
        options = {**attending.OPTIONS, **options}
    inputs = sorted(set(reads), key=lambda component: component._id)  # the order of a set
    told = [  # it says nothing until the tabs are drawn
        f"v[{i}] = {_TOLD[each.elem_id]} ?? v[{i}];"
        for i, each in enumerate(inputs)
        if each.elem_id in _TOLD
    ]
    js = f"(...v) => {{ {' '.join(told)} return v; }}" if told else None
    told_by = {"js": js, **_QUIET, **options}
    return event(answer, set(reads) or None, list(writes), **told_by)


_TOLD = {
    "told-task": reload.TASK_JS,
    "told-address": "window.wanDemo?.asked().get('job') ?? ''",
}
"""JavaScript for the values of ``State.task`` and ``State.address``, by their ``elem_id``."""
