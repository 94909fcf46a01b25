"""The stage: one job from its place in the queue to its playing video, as HTML.

The page's HTML component compares the new markup with the old node by node and changes only what
differs, so the nodes keep their order here: a video plays on while the words around it change.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wan_demo.domain.job import Job, Progress, Stage, Status
from wan_demo.domain.request import Task
from wan_demo.media.links import Links
from wan_demo.service import Place
from wan_demo.ui import words
from wan_demo.ui.compare import choice_buttons, compare_buttons, render_compare, source_of

STAGE_WORDS = {
    Stage.STARTING: "Starting",
    Stage.ACQUIRING: "Waiting for a GPU",
    Stage.DOWNLOADING: "Downloading the model",
    Stage.LOADING: "Loading the model",
    Stage.DECODING: "Decoding the frames",
    Stage.ENCODING: "Writing the video",
}
_STAGE_SHARE = {
    Stage.STARTING: 0.0,
    Stage.LOADING: 0.02,
    Stage.DECODING: 0.92,
    Stage.ENCODING: 0.97,
}
_STEPS_SHARE = 0.9

GOES_ON = "You can close this page: the job goes on."
STAY = "Keep this page open: the job ends with it."


def render_stage(
    job: Job | None,
    place: Place | None,
    links: Links,
    is_mine: bool = True,
    is_attended: bool = False,
) -> str:
    """The stage for a job; ``place`` is its place in the queue while it waits.

    Who was given somebody else's address (not ``is_mine``) looks at it and can make their own.
    ``is_attended``: the page has to stay open, as its event does the job.
    """
    if job is None:
        return _frame("empty", "Wan Demo", _nothing_yet(), "", "", "")
    state, screen, line = _SCREENS[job.status](job, place, links)
    if is_attended:
        screen = screen.replace(GOES_ON, STAY)
    actions = _actions(job, links, is_mine)
    return _frame(state, _title(job), screen, line, _chips(job), actions, job, links.job(job.id))


def render_lost() -> str:
    """The stage for an address that leads to no job."""
    lost = (
        "<div class='hint'><strong>There is no clip at this address</strong>"
        "<span>It was deleted, or a part of the address is missing.</span></div>"
    )
    return _frame("empty", "Wan Demo", lost, "", "", "")


def fraction(job: Job) -> float:
    """How much of a job is done, 0 to 1, over all its clips."""
    progress = job.progress
    if job.status.is_final:
        return 1.0
    share = _STAGE_SHARE.get(progress.stage, 0.0)
    if progress.stage is Stage.DOWNLOADING and progress.total_bytes:
        # A bar of its own: the clip's begins once the model is here.
        return progress.done_bytes / progress.total_bytes
    if progress.stage is Stage.STEP and progress.steps:
        share = _STEPS_SHARE * progress.step / progress.steps
    return (progress.clip + share) / progress.clips


def _frame(
    state: str,
    title: str,
    screen: str,
    line: str,
    chips: str,
    actions: str,
    job: Job | None = None,
    token: str = "",
) -> str:
    percent = round(100 * fraction(job)) if job and state in ("waiting", "running") else 0
    prompt = f"<p class='said' translate='no'>{escape(words.said(job.request))}</p>" if job else ""
    return (
        f"<section class='stage' data-state='{state}' data-title='{escape(title)}' "
        f"data-job='{token}' aria-label='Result'>"
        f"<div class='screen'>{screen}</div>"
        f"<div class='bar' role='progressbar' aria-label='Progress' aria-valuenow='{percent}' "
        f"aria-valuemin='0' aria-valuemax='100'><i style='width:{percent}%'></i></div>"
        f"<div class='choice' role='group' aria-label='Clips'>{_choice(job)}</div>"
        f"<div class='line'>{line}</div><p class='heard' role='status'>{_heard(job, line)}</p>"
        f"<div class='what'>{prompt}<div class='chips'>{chips}</div></div>"
        f"<div class='actions'>{actions}</div></section>"
    )


def _heard(job: Job | None, line: str) -> str:
    """The line for who hears it, which tells of what is new: of much that counts, each quarter."""
    if job is None or job.status.is_final:
        return line
    if job.status is Status.WAITING:
        return line.partition(",")[0]
    if job.cancel_requested:
        return "Stopping"
    return f"{STAGE_WORDS.get(job.progress.stage, 'Making your video')}{_quarter(job.progress)}"


def _quarter(progress: Progress) -> str:
    """``: 25%`` of the steps or of the download; nothing where nothing counts."""
    if progress.stage is Stage.STEP:
        done, of = progress.step, progress.steps
    else:
        is_counted = progress.stage is Stage.DOWNLOADING
        done, of = progress.done_bytes, progress.total_bytes if is_counted else 0
    return f": {25 * int(4 * done / of)}%" if of else ""


def _choice(job: Job | None) -> str:
    """Buttons for each of several clips, once there will be no more."""
    return choice_buttons(len(job.outputs)) if job and job.status.is_final else ""


def _nothing_yet() -> str:
    """What to do first in each tab; ``page.css`` shows that of the chosen one."""
    hints = "".join(f"<span class='to-{task}'>{hint}</span>" for task, hint in _FIRST.items())
    return f"<div class='hint'><strong>Your video appears here</strong>{hints}</div>"


_FIRST = {
    Task.TEXT_TO_VIDEO: "Describe a scene and press Generate.",
    Task.IMAGE_TO_VIDEO: "Add a picture or a video and press Generate.",
    Task.VIDEO_TO_VIDEO: "Add a video, say what it becomes and press Generate.",
}


def _waiting(job: Job, place: Place | None, links: Links) -> tuple[str, str, str]:
    ahead, seconds = (place.ahead, place.seconds) if place else (0, None)
    where = f"{words.ordinal(ahead + 1)} in the queue" if ahead else "Starting"
    wait = f", starts in about {words.duration(seconds)}" if ahead and seconds else ""
    screen = f"<div class='hint'><strong>{where}</strong><span>{GOES_ON}</span></div>"
    return "waiting", screen, f"{where}{wait}"


def _running(job: Job, place: Place | None, links: Links) -> tuple[str, str, str]:
    address = links.preview(job.id)
    line = _running_line(job)
    notice = f"<span class='notice'>{escape(_notice(job))}</span>"
    shown = f"<div class='hint pulse'><strong>{line}</strong></div>"
    if address is not None:
        shown = f"<img class='preview' src='{address}' alt='Preview'>"
    return "running", _videos(job, links, shown) if job.outputs else shown, line + notice


def _notice(job: Job) -> str:
    """How the model is kept in memory, until it is loaded; what a person must know, all along."""
    progress = job.progress
    if progress.notice or progress.stage in (Stage.STEP, Stage.DECODING, Stage.ENCODING):
        return progress.notice
    return progress.memory


def _running_line(job: Job) -> str:
    progress = job.progress
    text = STAGE_WORDS.get(progress.stage, "")
    if progress.stage is Stage.DOWNLOADING and progress.total_bytes:
        done, total = words.gigabytes(progress.done_bytes), words.gigabytes(progress.total_bytes)
        text += f": {done} of {total} GB"
    if progress.stage is Stage.STEP:
        text = f"Step {progress.step} of {progress.steps}"
        if progress.seconds_left:
            text += f", {words.duration(progress.seconds_left)} left"
    if progress.clips > 1:
        text = f"Video {progress.clip + 1} of {progress.clips}: {text[0].lower()}{text[1:]}"
    if job.cancel_requested:
        text = "Stopping"
    return text


def _completed(job: Job, place: Place | None, links: Links) -> tuple[str, str, str]:
    return "done", _videos(job, links), _done_line(job)


def _videos(job: Job, links: Links, coming: str = "") -> str:
    """The clips that there are, and the one that is being made."""
    videos = "".join(
        f"<video class='after' src='{links.video(output.file)}'{still(output.file, links)} "
        "autoplay loop muted playsinline controls "
        f"aria-label='Your video, seed {output.seed}'></video>"
        for output in job.outputs
    )
    count = len(job.outputs) + bool(coming)
    source = source_of(job, links)
    if source is not None:
        return render_compare(videos, count, source)
    return f"<div class='videos n{count}'>{videos}{coming}</div>"


def still(name: str, links: Links) -> str:
    """What a player shows until it has the clip: its poster, where there is one."""
    poster = links.poster(name)
    return f" poster='{poster}'" if poster else ""


def _done_line(job: Job) -> str:
    return f"Done, {words.took(job)}" if job.run_seconds else "Done"


def _failed(job: Job, place: Place | None, links: Links) -> tuple[str, str, str]:
    message = escape(job.failure.message) if job.failure else "It failed."
    if job.outputs:
        return "failed", _videos(job, links), f"{_some(job)}, then it failed: {message}"
    screen = f"<div class='hint bad'><strong>This one failed</strong><span>{message}</span></div>"
    return "failed", screen, "Failed"


def _cancelled(job: Job, place: Place | None, links: Links) -> tuple[str, str, str]:
    if job.outputs:
        return "stopped", _videos(job, links), f"Stopped: {_some(job)}"
    screen = "<div class='hint'><strong>Stopped</strong><span>Your settings are kept.</span></div>"
    return "stopped", screen, "Stopped"


def _some(job: Job) -> str:
    """What there is of a job that did not come to its end."""
    return f"{len(job.outputs)} of {job.request.num_videos_per_prompt} made"


_SCREENS = {
    Status.WAITING: _waiting,
    Status.RUNNING: _running,
    Status.COMPLETED: _completed,
    Status.FAILED: _failed,
    Status.CANCELLED: _cancelled,
}


def _title(job: Job) -> str:
    if job.status is Status.WAITING:
        return "Waiting · Wan Demo"
    if job.status is Status.RUNNING:
        return f"{round(100 * fraction(job))}% · Wan Demo"
    return {"completed": "Done · Wan Demo", "failed": "Failed · Wan Demo"}.get(
        job.status, "Wan Demo"
    )


def _chips(job: Job) -> str:
    request = job.request
    seeds = ", ".join(str(output.seed) for output in job.outputs) or str(request.seed)
    said = [f"seed {seeds}", *words.facts(request), request.model]
    return "".join(f"<span>{escape(text)}</span>" for text in said)


def _actions(job: Job, links: Links, is_mine: bool) -> str:
    """What can be done next; the keys are the events that the page listens to."""
    if not job.status.is_final:
        return ""
    again = [("again", "Again, new seed" if job.outputs else "Try again")] if is_mine else []
    if not job.outputs:
        return _buttons([("reuse", "Use these settings"), *again])
    buttons = [
        *again,
        ("reuse", "Use these settings"),
        ("extend", words.EXTEND),
        ("animate", words.ANIMATE),
        ("edit", words.EDIT),
    ]
    compare = compare_buttons() if source_of(job, links) else ""
    return _buttons(buttons) + compare + _downloads(job, links)


def _buttons(buttons: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f"<button type='button' class='act' data-action='{action}'>{escape(text)}</button>"
        for action, text in buttons
    )


def _downloads(job: Job, links: Links) -> str:
    """A link for each clip."""
    several = len(job.outputs) > 1
    return "".join(
        f"<a class='act' href='{links.video(output.file)}?download=true' download>"
        f"Download{f' {number}' if several else ''}</a>"
        for number, output in enumerate(job.outputs, 1)
    )
