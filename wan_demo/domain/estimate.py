"""How long a clip will take, learned from the ones before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from wan_demo.domain.job import Job
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.queue import kind_of
from wan_demo.domain.request import GenerationRequest

LEARNED_FROM = 5
"""The latest jobs count: an older one may have had another card, or another load beside it."""

FRAMES_OF_REFERENCE = 4
"""What a reference picture takes: a latent frame, as four frames of the clip do."""


def guidance_passes(request: GenerationRequest) -> int:
    """Passes of the transformer a step: guidance takes a second one, without the prompt."""
    return 2 if request.guidance_scale > 1 else 1


def decode_steps(request: GenerationRequest, spec: ModelSpec) -> float:
    """How many of the request's denoising steps the VAE's part of a clip is worth."""
    return spec.decode_passes / guidance_passes(request)


def work(request: GenerationRequest, spec: ModelSpec) -> float:
    """Transformer passes, the VAE's part among them, x frames x area x clips."""
    passes = request.effective_steps * guidance_passes(request) + spec.decode_passes
    frames = request.num_frames + FRAMES_OF_REFERENCE * len(request.reference_images)
    pixels = request.width * request.height * frames
    return passes * pixels * request.num_videos_per_prompt


def alike(request: GenerationRequest) -> str:
    """Equal for requests whose clips take the same time on the same machine."""
    steps = f"{request.effective_steps} {guidance_passes(request)}"
    return f"{request.task} {steps} {kind_of(request)}"


def expected_seconds(
    request: GenerationRequest,
    spec: ModelSpec,
    same: Sequence[Job],
    others: Callable[[], Sequence[Job]],
) -> float | None:
    """The median of the latest jobs that were ``alike``; of ``others`` of the model, by pace.

    Falls back to the spec's own figure, and to None where nothing is known.
    """
    clips = request.num_videos_per_prompt
    times = [job.clip_seconds for job in same if job.clip_seconds]
    if times:
        return clips * median(times[:LEARNED_FROM])
    mine = work(request, spec)
    paces = [
        job.clip_seconds / work(job.request.single(0), spec)
        for job in others()
        if job.clip_seconds and job.request.model == request.model
    ]
    if paces:
        return mine * median(paces)
    return mine * spec.seconds_per_work if spec.seconds_per_work else None
