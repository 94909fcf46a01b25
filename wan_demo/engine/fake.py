"""An engine without a model: instant, deterministic clips for work on everything around it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator

import numpy as np

from wan_demo.domain.events import Decoding, Event, Finished, Frames, Loading, Ready, Step
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.base import Inputs
from wan_demo.errors import GenerationFailed

FAIL = "fail"
"""A prompt that holds this word fails, so that a failure can be seen on the page."""


class FakeEngine:
    """Draws a bar that crosses a ground whose color comes from the prompt and the seed."""

    def __init__(self, step_seconds: float = 0.0) -> None:
        self._step_seconds = step_seconds
        self._loaded: str | None = None

    def place(self, model: str) -> None:
        self._loaded = model

    def generate(self, request: GenerationRequest, inputs: Inputs) -> Generator[Event, None, None]:
        if self._loaded != request.model:
            yield Loading(request.model)
            self._loaded = request.model
            yield Ready()
        frames = _draw(request, inputs)
        for index in range(1, request.effective_steps + 1):
            time.sleep(self._step_seconds)
            if FAIL in request.prompt.lower().split():
                raise GenerationFailed("The fake engine was asked to fail.")
            yield Step(index, request.effective_steps, frames[:: max(1, len(frames) // 4)])
        yield Decoding()
        yield Finished(frames, {"device": "none", "engine": "fake"})


def _draw(request: GenerationRequest, inputs: Inputs) -> Frames:
    shape = (request.num_frames, request.height, request.width, 3)
    digest = hashlib.sha256(
        f"{request.prompt}|{request.prompt_end}|{request.seed}".encode()
    ).digest()
    ground = inputs.video if inputs.video is not None else inputs.image
    frames = np.empty(shape, np.uint8)
    frames[:] = list(digest[:3]) if ground is None else ground
    for index, frame in enumerate(frames):
        left = index * request.width // request.num_frames
        frame[:, left : left + 4] = list(digest[3:6])
    return frames
