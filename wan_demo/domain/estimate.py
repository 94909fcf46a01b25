"""How long a clip will take, learned from the ones before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from wan_demo.domain.edit import Method
from wan_demo.domain.job import Job
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.queue import kind_of
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.windows import latent_frames, spans

LEARNED_FROM = 5
"""The latest jobs count: an older one may have had another card, or another load beside it."""

FRAMES_OF_REFERENCE = 4
"""What a reference picture takes: a latent frame, as four frames of the clip do."""


def guidance_passes(request: GenerationRequest) -> int:
    """Passes of the transformer a step, where there is one prompt to follow."""
    return _passes(request.guidance_scale)


def _passes(guidance_scale: float) -> int:
    """Guidance takes a second pass, by the negative prompt."""
    return 2 if guidance_scale > 1 else 1


def step_passes(request: GenerationRequest) -> float:
    """Passes of the transformer in one of the request's steps, on average.

    FlowEdit asks for both prompts, each by its own guidance and with each of its noises, but in
    its free steps.
    """
    target, steps, free = guidance_passes(request), request.effective_steps, request.n_min or 0
    if request.method is not Method.FLOW_EDIT or not steps:
        return target
    both = target + _passes(request.source_guidance_scale or request.guidance_scale)
    return ((steps - free) * both * (request.n_avg or 1) + target * free) / steps


def overlap(request: GenerationRequest, spec: ModelSpec) -> float:
    """How often a pass sees each frame: more than once where windows overlap.

    Reference pictures are frames that every window sees.
    """
    length, window = latent_frames(request.num_frames), latent_frames(spec.limits.max_frames)
    pictures = len(request.reference_images)
    seen = sum(len(span) + pictures for span in spans(length, window))
    return seen / (length + pictures)


def decodes(request: GenerationRequest) -> int:
    """How often the VAE decodes as much as the clip: FlowEdit compares with its source."""
    return 2 if request.method is Method.FLOW_EDIT else 1


def decode_steps(request: GenerationRequest, spec: ModelSpec) -> float:
    """How many of the request's denoising steps the VAE's part of a clip is worth."""
    passes = step_passes(request) * overlap(request, spec)
    return spec.decode_passes * decodes(request) / passes


def work(request: GenerationRequest, spec: ModelSpec) -> float:
    """Transformer passes, the VAE's part among them, x frames x area x clips."""
    passes = request.effective_steps * step_passes(request) * overlap(request, spec)
    passes += spec.decode_passes * decodes(request)
    frames = request.num_frames + FRAMES_OF_REFERENCE * len(request.reference_images)
    pixels = request.width * request.height * frames
    return passes * pixels * request.num_videos_per_prompt


def alike(request: GenerationRequest) -> str:
    """Equal for requests whose clips take the same time on the same machine."""
    steps = f"{request.effective_steps} {step_passes(request):g}"
    twice = " twice" if decodes(request) > 1 else ""
    return f"{request.task} {steps}{twice} {kind_of(request)}"


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
