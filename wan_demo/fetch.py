"""A job's media as the model gets them, and what of them goes on: the sound, a copy to compare."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wan_demo.domain.edit import Fit, Sound
from wan_demo.domain.events import Frames, Mask
from wan_demo.domain.job import Job
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.base import Inputs
from wan_demo.engine.edit.pixels import go_on
from wan_demo.errors import UnreadableMedium
from wan_demo.media.decode import read_image, read_mask, read_reference, read_sound, read_take
from wan_demo.media.encode import write_mp4
from wan_demo.media.folder import DataFolder
from wan_demo.media.take import Samples, Take

log = logging.getLogger(__name__)

NO_SOUND = "Your video's sound can't be read: the clip has none."


@dataclass(frozen=True)
class Fetched:
    """What the engine gets; ``sound`` is the clips', as long as they are, or None.

    ``notice`` is what a person must know of it; empty where there is nothing. ``before`` is the
    video that is gone on with, the frame that the engine begins with included.
    """

    inputs: Inputs
    sound: Samples | None = None
    notice: str = ""
    before: Frames | None = None

    def joined(self, made: Frames) -> Frames:
        """The whole clip: what it goes on from first, without the frame that both parts have."""
        if self.before is None:
            return made
        return np.concatenate([self.before, go_on(made, self.before[-1])[1:]])


def fetch(job: Job, folder: DataFolder) -> Fetched:
    """Read a job's media; raises UnreadableMedium, and OSError while the folder is away."""
    request, inputs = job.request, _pictures(job.request, folder)
    if request.video is None:
        return Fetched(inputs)
    if request.continues:
        return _continued(inputs, request, _input(folder, request.video))
    path, take = _input(folder, request.video), Take.of(request)
    inputs = replace(inputs, video=read_take(path, take), mask=_mask(request, folder, take, path))
    fetched = _with_sound(inputs, request, path, take)
    _keep_source(fetched, job, folder)
    return fetched


def _mask(request: GenerationRequest, folder: DataFolder, take: Take, video: Path) -> Mask | None:
    """The part that is edited; a mask that is black all along would cost time for nothing."""
    if request.mask is None:
        return None
    mask = read_mask(_input(folder, request.mask), take, video)
    if not mask.any():
        allowed = "must be white somewhere in the part of your video that is used"
        raise UnreadableMedium("mask", "nothing white", allowed)
    return mask


def _continued(inputs: Inputs, request: GenerationRequest, path: Path) -> Fetched:
    """The video up to its end; the engine goes on from its last frame."""
    take = replace(Take.of(request), num_frames=request.frames_before + 1)
    before = read_take(path, take)
    fetched = _with_sound(replace(inputs, image=before[-1:]), request, path, take)
    return replace(fetched, before=before)


def _pictures(request: GenerationRequest, folder: DataFolder) -> Inputs:
    size, fit = (request.width, request.height), request.fit or Fit.CROP
    return Inputs(
        **{
            name: read_image(_input(folder, kept), size, fit)
            for name in ("image", "last_image")
            if (kept := getattr(request, name)) is not None
        },
        references=tuple(
            read_reference(_input(folder, kept), size) for kept in request.reference_images
        ),
    )


def _with_sound(inputs: Inputs, request: GenerationRequest, path: Path, take: Take) -> Fetched:
    """A sound that can't be read must not cost a person their clip."""
    if request.sound is not Sound.KEEP:
        return Fetched(inputs)
    try:
        return Fetched(inputs, read_sound(path, take, request.played_seconds))
    except UnreadableMedium as error:
        log.warning("no sound: %s", error)
        return Fetched(inputs, notice=NO_SOUND)


def _keep_source(fetched: Fetched, job: Job, folder: DataFolder) -> None:
    """What the model saw, as a video like the clips; an earlier attempt's copy stays."""
    video, request, path = fetched.inputs.video, job.request, folder.source(job.id)
    if video is None or path.exists():
        return
    frames = video[: request.played_frames]
    write_mp4(frames, request.fps, path, {}, request.duration, fetched.sound)


def _input(folder: DataFolder, name: str) -> Path:
    """Where a kept input lies; OSError while the folder of all of them is away."""
    folder.inputs.stat()
    return folder.input(name)
