"""How long a clip will take, learned from the ones before it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from wan_demo.domain.job import Job
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest

DECODE_STEPS = 6
"""The VAE's encode and decode cost about as much as so many denoising steps.

Reckoned for the official models: at 832x480x81 the decoder of Wan2.1 1.3B needs as many operations
as one pass of its transformer (2.8e14, torch's FlopCounterMode), in fp32 instead of bf16, and the
encoder comes on top. Wan-tiny's needs about 50 passes (measured on one core); its estimates rest
on finished jobs of the same work.
"""


def work(request: GenerationRequest) -> float:
    """Denoised pixels of a request: steps x guidance passes x frames x area x clips."""
    passes = 2 if request.guidance_scale > 1 else 1
    pixels = request.width * request.height * request.num_frames
    clips = request.num_videos_per_prompt
    return (request.effective_steps * passes + DECODE_STEPS) * pixels * clips


def expected_seconds(
    request: GenerationRequest, spec: ModelSpec, finished: Sequence[Job]
) -> float | None:
    """Median pace of finished jobs of the model, those of the same work first.

    Falls back to the spec's own figure, and to None where nothing is known.
    """
    paces = [
        (job.run_seconds / work(job.request), work(job.request))
        for job in finished
        if job.run_seconds and job.request.model == request.model
    ]
    mine = work(request)
    same = [pace for pace, done in paces if abs(done - mine) < 0.01 * mine]
    if paces:
        return mine * median(same or [pace for pace, _ in paces])
    return mine * spec.seconds_per_work if spec.seconds_per_work else None
