"""``/text_to_video``, ``/image_to_video`` and ``/video_to_video`` for gradio_client and MCP.

They enqueue, wait without holding a thread, and go on when the client leaves: the job is the
table's, not theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
from anyio import to_thread
from gradio.components import Component

from wan_demo.domain.control import control
from wan_demo.domain.job import Job
from wan_demo.domain.request import Task
from wan_demo.errors import WanDemoError
from wan_demo.service import Service
from wan_demo.ui.handlers import owner_of
from wan_demo.ui.values import Image, Number, Video, lend

POLL_SECONDS = 0.3

_NUMBERS = (
    "width",
    "height",
    "num_frames",
    "fps",
    "num_inference_steps",
    "guidance_scale",
    "seed",
    "num_videos_per_prompt",
)

Answer = tuple[str, dict[str, Any]]


def add_endpoints(service: Service) -> None:
    """Add the three endpoints to the page that is being built; nothing of them is seen."""
    outputs = [
        gr.Video(label="Video", visible=False),
        gr.JSON(label="Parameters used", visible=False),
    ]
    for task, function in _functions(service).items():
        gr.on(
            triggers=[],
            fn=function,
            inputs=_inputs(task),
            outputs=outputs,
            api_name=task.value,
            api_description=function.__doc__,
            concurrency_limit=None,
            show_progress="hidden",
        )


def _inputs(task: Task) -> list[Component]:
    """The parameters in the order of the functions below, bound to no visible component."""
    first: dict[Task, list[Component]] = {
        Task.TEXT_TO_VIDEO: [_text("prompt")],
        Task.IMAGE_TO_VIDEO: [
            Image(label="Image", type="filepath", visible=False),
            _text("prompt"),
        ],
        Task.VIDEO_TO_VIDEO: [
            Video(label="Video", visible=False),
            _text("prompt"),
            _number("strength"),
        ],
    }
    return [*first[task], _text("negative_prompt"), _text("model"), *map(_number, _NUMBERS)]


def _text(name: str) -> gr.Textbox:
    return gr.Textbox(label=control(name).label, visible=False)


def _number(name: str) -> Number:
    return Number(label=control(name).label, visible=False)


def _functions(service: Service) -> dict[Task, Callable[..., Awaitable[Answer]]]:
    """One async function a task; their parameters' names are the request's fields."""

    async def text_to_video(
        prompt: str,
        negative_prompt: str | None = None,
        model: str | None = None,
        width: float | None = None,
        height: float | None = None,
        num_frames: float | None = None,
        fps: float | None = None,
        num_inference_steps: float | None = None,
        guidance_scale: float | None = None,
        seed: float | None = None,
        num_videos_per_prompt: float | None = None,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
    ) -> Answer:
        """Make a video from a prompt; what is left out takes the model's default.

        Args:
            prompt: What the video shows.
            negative_prompt: What it should stay away from.
            model: Id of the checkpoint.
            width: Pixels across.
            height: Pixels down.
            num_frames: Length of the clip in frames, 4k+1.
            fps: Frames per second.
            num_inference_steps: Denoising steps.
            guidance_scale: How closely to follow the prompt; 1 switches guidance off.
            seed: The same seed and settings give the same frames.
            num_videos_per_prompt: How many clips to make.

        Returns:
            The video's path and the parameters used.
        """
        return await _run(service, Task.TEXT_TO_VIDEO, locals())

    async def image_to_video(
        image: str,
        prompt: str | None = None,
        negative_prompt: str | None = None,
        model: str | None = None,
        width: float | None = None,
        height: float | None = None,
        num_frames: float | None = None,
        fps: float | None = None,
        num_inference_steps: float | None = None,
        guidance_scale: float | None = None,
        seed: float | None = None,
        num_videos_per_prompt: float | None = None,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
    ) -> Answer:
        """Make a video that starts from an image; the image's ratio is kept unless a size is given.

        Args:
            image: The picture that becomes the first frame.
            prompt: What happens in the video.
            negative_prompt: What it should stay away from.
            model: Id of the checkpoint.
            width: Pixels across.
            height: Pixels down.
            num_frames: Length of the clip in frames, 4k+1.
            fps: Frames per second.
            num_inference_steps: Denoising steps.
            guidance_scale: How closely to follow the prompt; 1 switches guidance off.
            seed: The same seed and settings give the same frames.
            num_videos_per_prompt: How many clips to make.

        Returns:
            The video's path and the parameters used.
        """
        return await _run(service, Task.IMAGE_TO_VIDEO, locals())

    async def video_to_video(
        video: str,
        prompt: str,
        strength: float | None = None,
        negative_prompt: str | None = None,
        model: str | None = None,
        width: float | None = None,
        height: float | None = None,
        num_frames: float | None = None,
        fps: float | None = None,
        num_inference_steps: float | None = None,
        guidance_scale: float | None = None,
        seed: float | None = None,
        num_videos_per_prompt: float | None = None,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
    ) -> Answer:
        """Restyle a video; its ratio and length are kept unless a size or length is given.

        Args:
            video: The clip to restyle.
            prompt: What the new video shows.
            strength: How far to move away from the clip, above 0 to 1.
            negative_prompt: What it should stay away from.
            model: Id of the checkpoint.
            width: Pixels across.
            height: Pixels down.
            num_frames: Length of the clip in frames, 4k+1.
            fps: Frames per second.
            num_inference_steps: Denoising steps.
            guidance_scale: How closely to follow the prompt; 1 switches guidance off.
            seed: The same seed and settings give the same frames.
            num_videos_per_prompt: How many clips to make.

        Returns:
            The video's path and the parameters used.
        """
        return await _run(service, Task.VIDEO_TO_VIDEO, locals())

    return {
        Task.TEXT_TO_VIDEO: text_to_video,
        Task.IMAGE_TO_VIDEO: image_to_video,
        Task.VIDEO_TO_VIDEO: video_to_video,
    }


async def _run(service: Service, task: Task, arguments: dict[str, Any]) -> Answer:
    """Submit, wait for the end, and lend Gradio the video."""
    given = {name: value for name, value in arguments.items() if name not in ("request", "service")}
    owner = owner_of(arguments["request"])
    try:
        job = await to_thread.run_sync(service.submit, {**given, "task": task}, owner)
    except WanDemoError as error:
        raise gr.Error(str(error), print_exception=False) from None
    while not job.status.is_final:
        await asyncio.sleep(POLL_SECONDS)
        job = await to_thread.run_sync(service.get, job.id, owner)
    return await to_thread.run_sync(_answer, service, job)


def _answer(service: Service, job: Job) -> Answer:
    if job.failure is not None:
        raise gr.Error(job.failure.message, print_exception=False)
    if not job.outputs:
        raise gr.Error("The job was stopped.", print_exception=False)
    used = job.request.model_dump(mode="json", exclude={"image", "video"})
    seeds = [output.seed for output in job.outputs]
    file = job.outputs[0].file
    return lend(service.folder.video(file), file), {**used, "job": job.id, "seeds": seeds}
