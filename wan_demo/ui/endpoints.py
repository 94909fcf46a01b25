"""``/text_to_video``, ``/image_to_video`` and ``/video_to_video`` for programs.

They enqueue, wait without holding a thread, and go on when the client leaves: the job is the
table's, not theirs. Where a GPU is lent to the event that asks for it, they do the job themselves.
Their parameters, defaults and documentation derive from the request's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from inspect import Parameter, Signature
from typing import Any

import gradio as gr
from anyio import CapacityLimiter, to_thread
from gradio.components import Component

from wan_demo.attended import Attend
from wan_demo.domain.control import control
from wan_demo.domain.request import INPUTS, Task
from wan_demo.errors import WanDemoError
from wan_demo.service import Service
from wan_demo.ui import attending
from wan_demo.ui.aside import run_aside
from wan_demo.ui.ends import Ends
from wan_demo.ui.events import address_of, caller_of
from wan_demo.ui.values import File, Image, Number, Textbox, Video, lend

THREADS = 4
"""That calls may hold at a time, for milliseconds each. They write to one table, one after another;
of the forty threads that all requests share, the page's own events need some."""

_FIRST: dict[Task, tuple[str, ...]] = {
    Task.TEXT_TO_VIDEO: ("prompt",),
    Task.IMAGE_TO_VIDEO: ("image", "prompt"),
    Task.VIDEO_TO_VIDEO: ("video", "prompt", "strength"),
}
"""What a task's endpoint takes before the parameters that all three share."""

_LAST: dict[Task, tuple[str, ...]] = {
    Task.TEXT_TO_VIDEO: ("prompt_end",),
    Task.IMAGE_TO_VIDEO: ("last_image", "prompt_end"),
    Task.VIDEO_TO_VIDEO: ("conditioning_scale", "prompt_end"),
}
"""And what comes after them, in the order in which it came to be."""

_SHARED = (
    "negative_prompt",
    "model",
    "width",
    "height",
    "num_frames",
    "fps",
    "num_inference_steps",
    "guidance_scale",
    "seed",
    "num_videos_per_prompt",
    "guidance_scale_2",
    "duration",
    "profile",
    "precision",
)

_ADVANCED = ("scheduler", "flow_shift", "loras")
"""What all three share and few need: at the end, so that positions stay."""

_EDIT: dict[Task, tuple[str, ...]] = {
    Task.TEXT_TO_VIDEO: ("reference_images", "conditioning_scale"),
    Task.IMAGE_TO_VIDEO: (
        *("fit", "video", "trim_start", "trim_end", "speed", "direction", "sound"),
    ),
    Task.VIDEO_TO_VIDEO: (
        *("method", "source_prompt", "source_guidance_scale", "n_min", "n_avg", "guide", "mask"),
        *("trim_start", "trim_end", "speed", "direction", "fit", "sound", "colors"),
        "reference_images",
    ),
}
"""What came last of all."""

_NEEDED: dict[Task, tuple[str, ...]] = {
    Task.TEXT_TO_VIDEO: ("prompt",),
    Task.IMAGE_TO_VIDEO: ("image",),
    Task.VIDEO_TO_VIDEO: ("video", "prompt"),
}
"""Parameters without a default."""

_SUMMARY = {
    Task.TEXT_TO_VIDEO: "Make a video from a prompt.",
    Task.IMAGE_TO_VIDEO: "Make a video that starts from an image.",
    Task.VIDEO_TO_VIDEO: "Restyle a video.",
}

Answer = tuple[str, dict[str, Any]]


def add_endpoints(service: Service, attend: Attend | None = None) -> None:
    """Add the three endpoints to the page that is being built; nothing of them is seen."""
    outputs = [
        gr.Video(label="Video", visible=False),
        gr.JSON(label="Parameters used", visible=False),
    ]
    calls = _Calls(service, Ends(service.open), CapacityLimiter(THREADS))
    for task in Task:
        function = _endpoint(calls, task) if attend is None else _done(service, task, attend)
        gr.on(
            triggers=[],
            fn=function,
            inputs=[_component(name) for name in _names(task)],
            outputs=outputs,
            api_name=task.value,
            api_description=function.__doc__,
            concurrency_limit=None if attend is None else attending.AT_ONCE,
            show_progress="hidden",
            concurrency_id=None if attend is None else attending.GPU,
        )


def _names(task: Task) -> Sequence[str]:
    return (*_FIRST[task], *_SHARED, *_LAST[task], *_ADVANCED, *_EDIT[task])


def _component(name: str) -> Component:
    """A component that is never shown: it says what kind of value a parameter is."""
    known = control(name)
    if name in ("image", "last_image"):
        return Image(label=known.label, type="filepath", visible=False)
    if name == "video":
        return Video(label=known.label, visible=False)
    if name == "mask":
        return File(label=known.label, visible=False)
    if name == "reference_images":
        return File(label=known.label, file_count="multiple", visible=False)
    kind = Number if known.maximum is not None else Textbox
    return kind(label=known.label, visible=False)


def _endpoint(calls: _Calls, task: Task) -> Callable[..., Any]:
    """The task's async function, with the signature that Gradio reads its parameters from."""
    names = _names(task)

    async def run(*values: Any) -> Answer:
        request, *given = values  # the first one is filled in by Gradio
        fields = dict(zip(names, given, strict=True))
        asked = {**fields, "task": task}
        return await calls.run(asked, caller_of(request), address_of(request))

    return _described(run, task)


def _done(service: Service, task: Task, attend: Attend) -> Callable[..., Any]:
    """The task's function where the call does the job itself: it ends with the call."""
    names = _names(task)

    def run(*values: Any) -> Generator[Any, None, None]:
        request, *given = values
        fields = dict(zip(names, given, strict=True))
        owner = caller_of(request)
        try:
            job = service.submit({**fields, "task": task}, owner, address_of(request))
            for _ in attend(job.id):
                yield gr.skip(), gr.skip()
            yield _answer(service, job.id, owner)
        except WanDemoError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return _described(run, task)


def _described(function: Any, task: Task) -> Callable[..., Any]:
    function.__name__ = task.value
    function.__doc__ = _documentation(task)
    function.__signature__ = Signature([_REQUEST, *_parameters(task)])
    function.__annotations__ = {"request": gr.Request}
    return function


_REQUEST = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)


def _parameters(task: Task) -> list[Parameter]:
    """The request's fields; what is left out, or None, takes its default."""
    needed = _NEEDED[task]
    return [
        Parameter(
            name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if name in needed else None,
        )
        for name in _names(task)
    ]


def _documentation(task: Task) -> str:
    """A docstring as gradio's clients show it."""
    parameters = "\n".join(f"    {name}: {control(name).help}" for name in _names(task))
    return (
        f"{_SUMMARY[task]} What is left out takes the model's default.\n\n"
        f"Args:\n{parameters}\n\nReturns:\n    The video's path and the parameters used."
    )


class _Calls:
    """Submits, waits for the end, and lends Gradio the video."""

    def __init__(self, service: Service, ends: Ends, threads: CapacityLimiter) -> None:
        self._service = service
        self._ends = ends
        self._threads = threads

    async def run(self, given: dict[str, Any], owner: str, address: str) -> Answer:
        """One call, from its parameters to its answer; raises gr.Error with what to tell."""
        try:
            submit = partial(self._service.submit, given, owner, address)
            job = await run_aside(submit, address, self._threads)
            await self._ends.wait(job.id)
            answer = partial(_answer, self._service, job.id, owner)
            return await to_thread.run_sync(answer, limiter=self._threads)
        except WanDemoError as error:  # of the job's end, too: its owner may have deleted it
            raise gr.Error(str(error), print_exception=False) from None


def _answer(service: Service, job_id: str, owner: str) -> Answer:
    job = service.get(job_id, owner)
    if job.failure is not None:
        raise gr.Error(job.failure.message, print_exception=False)
    if not job.outputs:
        raise gr.Error("The job was stopped.", print_exception=False)
    used = job.request.model_dump(mode="json", exclude=set(INPUTS))
    seeds = [output.seed for output in job.outputs]
    file = job.outputs[0].file
    told = {"job": job.id, "seeds": seeds, "notes": service.prompt_notes(job.request)}
    return lend(service.folder.video(file), file), {**used, **told}
