"""Where everything is on the page. Components only; what they do is wired in ``page``."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from wan_demo.catalog import templates
from wan_demo.domain.control import control
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.service import Service
from wan_demo.ui import advanced, beginning, edit, notices
from wan_demo.ui import form as f
from wan_demo.ui.calm import QUEUE
from wan_demo.ui.compare import sheet_link
from wan_demo.ui.fold import fold_line
from wan_demo.ui.html import html
from wan_demo.ui.key import KeyBox
from wan_demo.ui.library_layout import LibraryParts, clip_file, library_tab, notice_line
from wan_demo.ui.mask import mask_board
from wan_demo.ui.models import model_box, resolution_box
from wan_demo.ui.timeline import timeline_box
from wan_demo.ui.values import Image, Number, UploadButton, Video
from wan_demo.ui.words import TASK_TITLES

BUSY_TICK, IDLE_TICK = 0.7, 5.0
"""Seconds between two looks at the queue: while a job of one's own is under way, and else."""


MORE = "More: steps, number of videos, negative prompt"
ADVANCED = "Advanced: LoRAs, scheduler, flow shift, memory"
PART = "Edit only a part: draw a mask"
FINE_TUNE = "Fine-tune: what is kept of your video"
"""What is folded away says what it holds, for people who look for a name that they know."""


Fields = dict[str, Any]
"""Components of the form by the request's names."""

Parts = dict[str, Any]
"""The other components, by the names of ``Layout``."""


@dataclass(frozen=True)
class Layout:
    """Every component that an event reads or writes."""

    form: f.Form
    tabs: gr.Tabs
    library: LibraryParts
    clip_file: UploadButton
    notice: gr.HTML
    queue: gr.HTML
    examples: dict[Task, gr.HTML]
    begun: gr.HTML
    timeline: gr.HTML
    board: gr.HTML
    templates: gr.HTML
    preset: gr.Radio
    resolution: gr.Radio
    ratio: gr.Radio
    plan: gr.HTML
    notes: gr.HTML
    generate: gr.Button
    stop: gr.Button
    stage: gr.HTML
    sheet: gr.HTML
    waiting: gr.HTML
    strip: gr.HTML
    key: KeyBox
    readout: gr.HTML
    lora: gr.Dropdown
    dice: gr.Button
    lock: gr.Checkbox
    timer: gr.Timer
    kept: gr.JSON


def build_layout(service: Service, spec: ModelSpec, why: str, promise: str) -> Layout:
    """Build the page's components for the model that it starts with."""
    with gr.Row(elem_id="top"):
        gr.HTML("<h1>Wan Demo</h1>", elem_id="brand")
        model = model_box(service, spec, why)
        queue = gr.HTML("", elem_id=QUEUE)
    with gr.Row(elem_id="layout"):
        with gr.Column(elem_id="ask"):
            asked, ask = _ask(spec)
        with gr.Column(elem_id="result"):
            result = _result()
        with gr.Column(elem_id="settings"):
            fine, settings = _settings(spec, promise)
    return Layout(
        form=f.Form(model=model, **asked, **fine),
        queue=queue,
        timer=gr.Timer(IDLE_TICK),
        kept=gr.JSON(visible=False),
        **ask,
        **result,
        **settings,
    )


def _ask(spec: ModelSpec) -> tuple[Fields, Parts]:
    """The first column: what is asked for, and Generate."""
    fields, parts = _tabs(spec)
    parts |= {"clip_file": clip_file(), "notice": notice_line()}
    fields["prompt"] = f.prompt_box(_first_example(spec))
    parts |= {"preset": _preset(spec), "plan": notices.plan_line()}
    notices.coming_line()
    generate, stop = _go()
    fold_line()
    notes = gr.HTML("", elem_id="notes")
    return fields, {**parts, "generate": generate, "stop": stop, "notes": notes}


def _result() -> Parts:
    """The column of the stage."""
    return {
        "stage": html("", "stage", "again", "reuse", "extend", "animate", "edit", "sheet"),
        "sheet": sheet_link(),
        "waiting": html("", "waiting", "show", "sooner", "later", "double", "cancel"),
        "strip": html("", "strip", "show"),
    }


def _settings(spec: ModelSpec, promise: str) -> tuple[Fields, Parts]:
    """The column of what may be left as it is."""
    fields: Fields = {"reference_images": edit.references_box(f.is_shown("reference_images", spec))}
    scale = spec.defaults.conditioning_scale
    fields["conditioning_scale"] = f.slider("conditioning_scale", spec, scale)
    fields |= _source(spec)
    resolution, ratio, sides = _size(spec)
    readout, length = _frames(spec)
    fields |= {**sides, **length}
    own = spec.defaults
    guidance = {
        "guidance_scale": own.guidance_scale,
        "guidance_scale_2": own.guidance_scale_2 or 1.0,
    }
    fields |= {name: f.slider(name, spec, value) for name, value in guidance.items()}
    fields["seed"], dice, lock = _seed(promise)
    fields |= _more(spec)
    lora, pinned = _advanced(spec)
    parts: Parts = {"resolution": resolution, "ratio": ratio, "readout": readout}
    return {**fields, **pinned}, {**parts, "dice": dice, "lock": lock, "lora": lora}


def example_chips(spec: ModelSpec, task: Task) -> str:
    """The model's example prompts for a task, as buttons."""
    chips = "".join(
        f"<button type='button' data-action='pick' data-task='{task}' data-index='{index}' "
        "translate='no'>"
        f"{escape(example.prompt)}</button>"
        for index, example in enumerate(spec.examples.get(task, ()))
    )
    return (
        f"<div class='examples' role='group' aria-label='Examples'>{chips}</div>" if chips else ""
    )


def template_chips(spec: ModelSpec) -> str:
    """The styles that a model can make of a video, as buttons."""
    chips = "".join(
        f"<button type='button' data-action='style' data-name='{escape(each.name)}'>"
        f"{escape(each.name)}</button>"
        for each in templates.of(spec)
    )
    return f"<div class='examples styles' role='group' aria-label='Styles'>{chips}</div>"


def _go() -> tuple[gr.Button, gr.Button]:
    """Generate, which waits for the page's first event (``StageEvents.load``), and Stop."""
    with gr.Row(elem_id="go"):
        generate = gr.Button(
            "Generate", variant="primary", interactive=False, elem_id="generate", scale=3
        )
        stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop", scale=1)
    return generate, stop


def _preset(spec: ModelSpec) -> gr.Radio:
    return gr.Radio(
        label="Preset",
        choices=[preset.name for preset in spec.presets],
        info=f.preset_hints(spec),
        value=f.preset_of(spec, f.defaults_of(spec)),
        elem_id="preset",
    )


def _seed(promise: str) -> tuple[Number, gr.Button, gr.Checkbox]:
    with gr.Row(elem_id="seed-row"):
        seed = f.seed_box()
        dice = gr.Button("Roll", elem_id="dice", size="sm", min_width=80, scale=0)
        lock = gr.Checkbox(
            label="Keep seed",
            info="Off: each clip draws a new one.",
            elem_id="lock",
            min_width=160,
        )
    gr.HTML(f"<div class='readout'>{escape(promise)}</div>", elem_id="promise")
    return seed, dice, lock


def _tabs(spec: ModelSpec) -> tuple[Fields, Parts]:
    """One tab a task: each holds what only that task needs, and its examples. Then the Library."""
    fields: Fields = {}
    examples: dict[Task, gr.HTML] = {}
    with gr.Tabs(selected=Task.TEXT_TO_VIDEO.value, elem_id="tasks") as tabs:
        with _tab(Task.TEXT_TO_VIDEO):
            examples[Task.TEXT_TO_VIDEO] = _examples(spec, Task.TEXT_TO_VIDEO)
        with _tab(Task.IMAGE_TO_VIDEO):
            begun, fields = _beginning(spec)
            examples[Task.IMAGE_TO_VIDEO] = _examples(spec, Task.IMAGE_TO_VIDEO)
        with _tab(Task.VIDEO_TO_VIDEO):
            edited, parts = _edit(spec)
            examples[Task.VIDEO_TO_VIDEO] = _examples(spec, Task.VIDEO_TO_VIDEO)
        library = library_tab()
    shown = {"tabs": tabs, "library": library, "key": library.key, "examples": examples}
    shown["begun"] = begun
    return {**fields, **edited}, {**parts, **shown}


def _edit(spec: ModelSpec) -> tuple[Fields, Parts]:
    """The video that is edited: which part of it, where, and how."""
    fields: Fields = {}
    label = control("video").label
    fields["video"] = Video(label=label, sources=["upload"], height=220, elem_id="video")
    parts: Parts = {"timeline": timeline_box()}
    fields |= {name: edit.cut_box(name) for name in edit.UNCUT}
    with gr.Row(elem_id="motion"):
        fields["speed"] = f.slider("speed", spec, edit.STEADY["speed"], has_help=False)
        fields["direction"] = edit.choice("direction", False)
    with gr.Accordion(PART, open=False, elem_id="part"):
        parts["board"], fields["mask"] = mask_board(), edit.mask_box()
    fields["method"] = edit.method_box(spec)
    fields["strength"] = f.slider("strength", spec, edit.defaults(spec)["strength"])
    parts["templates"] = html(template_chips(spec), "templates", "style")
    return fields, parts


def _beginning(spec: ModelSpec) -> tuple[gr.HTML, Fields]:
    """The picture or the video that a clip begins with; ``page.css`` shows the chosen one."""
    fields: Fields = {"begin": beginning.begin_box()}
    with gr.Row(elem_id="beginning"):
        fields["image"] = _picture("image", spec)
        fields[beginning.BOX] = beginning.video_box()
        fields["last_image"] = _picture("last_image", spec)
    return beginning.begun_note(), {**fields, beginning.CUT_BOX: beginning.cut_box()}


def _picture(name: str, spec: ModelSpec) -> Image:
    return Image(
        type="filepath",
        sources=["upload", "clipboard"],
        height=220,
        min_width=120,
        elem_id=name,
        **f.picture(name, spec),
    )


def _tab(task: Task) -> gr.Tab:
    return gr.Tab(TASK_TITLES[task], id=task.value)


def _examples(spec: ModelSpec, task: Task) -> gr.HTML:
    return html(example_chips(spec, task), f"examples-{task}", "pick")


def _source(spec: ModelSpec) -> Fields:
    """What becomes of a video before and in an edit; ``page.css`` shows it in that tab alone."""
    with gr.Group(elem_id="source", elem_classes="of-edit"):
        prompt = edit.source_prompt_box(spec)
    with gr.Accordion(FINE_TUNE, open=False, elem_id="fine-tune", elem_classes="of-edit"):
        return {
            "source_prompt": prompt,
            "colors": edit.choice("colors"),
            "source_guidance_scale": edit.source_guidance_box(spec),
            "n_min": f.slider("n_min", spec, edit.STEADY["n_min"]),
            "n_avg": f.slider("n_avg", spec, edit.STEADY["n_avg"]),
            "guide": edit.guide_box(spec),
        }


def _size(spec: ModelSpec) -> tuple[gr.Radio, gr.Radio, Fields]:
    default = dict(zip(("width", "height"), spec.defaults.size, strict=True))
    resolution = resolution_box(spec)
    ratio = gr.Radio(
        label="Ratio",
        choices=list(spec.sizes),
        value=f.ratio_of(spec, f.defaults_of(spec)),
        elem_id="ratio",
    )
    with gr.Row():
        sides: Fields = {name: f.slider(name, spec, side) for name, side in default.items()}
    with gr.Row():
        sides["fit"] = edit.choice("fit", elem_classes="of-media")
        sides["sound"] = edit.choice("sound", False, elem_classes="of-edit")
    return resolution, ratio, sides


def _frames(spec: ModelSpec) -> tuple[gr.HTML, Fields]:
    with gr.Row(elem_id="length"):
        length: Fields = {
            "num_frames": f.slider("num_frames", spec, spec.defaults.num_frames),
            "duration": f.duration_box(),
        }
    shown = f.frames_readout(spec.defaults.num_frames, spec.defaults.fps)
    return gr.HTML(shown, elem_id="readout"), length


def _more(spec: ModelSpec) -> Fields:
    steps = spec.defaults.num_inference_steps
    with gr.Accordion(MORE, open=False, elem_id="more"):
        return {
            "num_inference_steps": f.slider("num_inference_steps", spec, steps),
            "num_videos_per_prompt": f.slider("num_videos_per_prompt", spec, 1),
            "negative_prompt": f.negative_prompt_box(spec),
            "prompt_end": f.prompt_end_box(),
        }


def _advanced(spec: ModelSpec) -> tuple[gr.Dropdown, Fields]:
    with gr.Accordion(ADVANCED, open=False, elem_id="advanced"):
        return advanced.lora_picker(), {
            "loras": advanced.loras_box(),
            "scheduler": advanced.scheduler_box(spec),
            "flow_shift": advanced.shift_box(spec),
            "profile": advanced.pin_box("profile"),
            "precision": advanced.pin_box("precision"),
        }


def _first_example(spec: ModelSpec) -> str:
    examples = spec.examples.get(Task.TEXT_TO_VIDEO, ())
    return examples[0].prompt if examples else ""
