"""How long a clip will take, learned from the ones before it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from wan_demo.domain.job import Job
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest


def guidance_passes(request: GenerationRequest) -> int:
    """Passes of the transformer a step: guidance takes a second one, without the prompt."""
    return 2 if request.guidance_scale > 1 else 1


def decode_steps(request: GenerationRequest, spec: ModelSpec) -> float:
    """How many of the request's denoising steps the VAE's part of a clip is worth."""
    return spec.decode_passes / guidance_passes(request)


def work(request: GenerationRequest, spec: ModelSpec) -> float:
    """Transformer passes, the VAE's part among them, x frames x area x clips."""
    passes = request.effective_steps * guidance_passes(request) + spec.decode_passes
    pixels = request.width * request.height * request.num_frames
    return passes * pixels * request.num_videos_per_prompt


def expected_seconds(
    request: GenerationRequest, spec: ModelSpec, finished: Sequence[Job]
) -> float | None:
    """Median pace of finished jobs of the model, those of the same work first.

    Falls back to the spec's own figure, and to None where nothing is known.
    """
    paces = [
        (job.run_seconds / work(job.request, spec), work(job.request, spec))
        for job in finished
        if job.run_seconds and job.request.model == request.model
    ]
    mine = work(request, spec)
    same = [pace for pace, done in paces if abs(done - mine) < 0.01 * mine]
    if paces:
        return mine * median(same or [pace for pace, _ in paces])
    return mine * spec.seconds_per_work if spec.seconds_per_work else None
