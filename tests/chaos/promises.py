"""What must be so after every round, whatever happened in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Set
from contextlib import closing
from pathlib import Path

from tests.calm_log import uncaught
from tests.chaos.station import Station, outputs_of
from tests.chaos.witness import Row, frames_of
from wan_demo.domain.job import Job, Status
from wan_demo.media.folder import DataFolder

MOST_ATTEMPTS = 3


def broken(station: Station, failures: Set[str]) -> list[str]:
    """Every promise that was not kept, as a sentence; ``failures`` are codes that may be ends."""
    station.witness.stop()
    station.witness.look()
    table = station.rows()
    found = list(station.witness.complaints)
    found += [f"accepted {lost} is lost" for lost in station.accepted if lost not in table]
    for row in table.values():
        found += [f"job {row.id}: {said}" for said in _job(station, row, failures)]
    found += _folder(station.folder, [name for row in table.values() for name in outputs_of(row)])
    found += _database(station.folder.database)
    found += [f"the log holds {said}" for said in uncaught(station.log)]
    return found


def _job(station: Station, row: Row, failures: Set[str]) -> Iterator[str]:
    """One recorded end, in so many attempts, with each clip once."""
    yield from _end(row, failures)
    job = station.store.get(row.id)
    if job is None:
        yield "it can't be read"
    else:
        yield from _clips(station.folder, row, job)
        kept = {int(name.split(".")[2]) for name in outputs_of(row)}
        yield from (f"clip {lost} was lost" for lost in station.witness.clips(row.id) - kept)


def _end(row: Row, failures: Set[str]) -> Iterator[str]:
    if row.status is Status.CANCELLED and "cancelled" not in failures:
        yield "nobody asked for its end"
    if row.status is Status.FAILED and json.loads(row.failure or "{}")["code"] not in failures:
        yield f"it failed by {row.failure}"
    if not row.status.is_final:
        yield f"it has no end, it is {row.status}"
    if row.losses > MOST_ATTEMPTS or row.attempt > MOST_ATTEMPTS:
        yield f"attempt {row.attempt} after {row.losses} losses"


def _clips(folder: DataFolder, row: Row, job: Job) -> Iterator[str]:
    """Each is there once, whole, and its seed's."""
    clips = [int(name.split(".")[2]) for name in outputs_of(row)]
    wanted = range(job.request.num_videos_per_prompt)
    if row.status is Status.COMPLETED and clips != list(wanted):
        yield f"its clips are {clips} of {len(wanted)}"
    if len(set(clips)) < len(clips):
        yield f"a clip is there twice: {clips}"
    for output, index in zip(job.outputs, clips, strict=True):
        if output.seed != job.request.single(index).seed:
            yield f"clip {index} bears seed {output.seed}"
        path = folder.video(output.file)
        if not path.is_file():
            yield f"{output.file} is not there"
        elif frames_of(path) != job.request.played_frames:
            yield f"{output.file} has {frames_of(path)} frames of {job.request.played_frames}"


def _folder(folder: DataFolder, named: list[str]) -> Iterator[str]:
    """After a start there is nothing but what jobs name, and nobody else names it."""
    there = {path.name for path in folder.videos.iterdir()}
    there -= {folder.poster(name).name for name in named}
    yield from (f"{name} belongs to two jobs" for name in set(named) if named.count(name) > 1)
    yield from (f"{orphan} belongs to no job" for orphan in sorted(there - set(named)))
    yield from (f"{part} was left" for part in sorted(folder.root.rglob("*.part")))
    yield from (f"{preview} was left" for preview in sorted(folder.previews.iterdir()))


def _database(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        (said,) = connection.execute("PRAGMA integrity_check").fetchone()
    return [] if said == "ok" else [f"the database is damaged: {said}"]
