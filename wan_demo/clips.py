"""One clip from its request to its file: what of a job may be done in a process of its own."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, TypeAlias

from wan_demo import __version__, logs
from wan_demo.domain.events import Acquiring, Broken, Encoding, Event, Finished, Frames, Written
from wan_demo.domain.job import Failure, Job
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.safety import UNCHECKED, Safety
from wan_demo.engine.base import Engine
from wan_demo.errors import GenerationFailed, StorageFull, WanDemoError
from wan_demo.fetch import Fetched
from wan_demo.media.digest import digest
from wan_demo.media.encode import write_mp4, write_poster
from wan_demo.media.folder import DataFolder

log = logging.getLogger(__name__)

ClipEvent: TypeAlias = Event | Acquiring | Encoding | Written | Broken
"""What happens to a clip that is made elsewhere, all of it small enough to be sent."""

Elsewhere: TypeAlias = Callable[[Job, int, Fetched], Generator[ClipEvent, None, None]]
"""Makes clip ``index`` of a job in another process, up to Written or Broken.

Closing the iterator stops it at its next step.
"""


def clip_events(
    engine: Engine,
    folder: DataFolder,
    job: Job,
    index: int,
    media: Fetched,
    safety: Safety = UNCHECKED,
) -> Generator[ClipEvent, None, None]:
    """All of a clip's work, for a process that only these events leave.

    The frames stay there: what is sent is their file's name. So do exceptions, which may not
    survive being pickled.
    """
    with logs.about(job.id, job.attempt):
        try:
            with closing(engine.generate(job.request.single(index), media.inputs)) as events:
                for event in events:
                    if not isinstance(event, Finished):
                        yield event
                        continue
                    yield Encoding()
                    yield Written(write_clip(job, index, event, media, folder, safety))
                    return
            raise GenerationFailed("The engine ended without a video.")
        except Exception as error:
            yield Broken(failure_of(error, job.id))


def write_clip(
    job: Job,
    index: int,
    finished: Finished,
    media: Fetched,
    folder: DataFolder,
    safety: Safety = UNCHECKED,
) -> str:
    """Write a job's clip with all that tells how to make it again; returns its file's name.

    Raises what ``safety`` does before anything of the clip is written.
    """
    request = job.request.single(index)
    name = folder.video_of(job.id, job.attempt, index)
    frames = media.joined(finished.frames)[: request.played_frames]
    safety.pass_on(request, frames)
    seconds = None if request.duration is None else request.played_seconds
    metadata = {**describe(request, finished), "frames_sha256": digest(frames)}
    write_mp4(frames, request.fps, folder.video(name), metadata, seconds, media.sound)
    _add_poster(frames, request.fps, name, folder)
    return name


def _add_poster(frames: Frames, fps: int, name: str, folder: DataFolder) -> None:
    """A poster is a courtesy: without one the library shows the clip itself."""
    try:
        write_poster(frames, fps, folder.poster(name))
    except Exception:
        log.warning("no poster for %s", name, exc_info=True)


def describe(request: GenerationRequest, finished: Finished) -> dict[str, Any]:
    """An MP4's metadata: the whole request, and what made it."""
    return {
        "software": f"wan_demo {__version__}",
        "request": request.model_dump(mode="json"),
        **finished.provenance,
    }


def failure_of(error: Exception, job_id: str) -> Failure:
    """An exception as a job's recorded end; the unexpected goes to the log, not to people."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        error = StorageFull()
    if isinstance(error, WanDemoError):
        return Failure(code=error.code, message=str(error))
    log.error("job %s failed", job_id, exc_info=error)
    return Failure(
        code=GenerationFailed.code,
        message="Something went wrong while making this video; the server's log has the cause.",
    )
