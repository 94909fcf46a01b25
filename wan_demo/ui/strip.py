"""The strip of one's recent clips, newest first: a second clip never hides the first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wan_demo.domain.job import Job, Status
from wan_demo.media.links import Links
from wan_demo.ui.stage import fraction, still

LENGTH = 12


def render_strip(jobs: Sequence[Job], current: str, links: Links) -> str:
    """Thumbnails as buttons; nothing at all before the first job."""
    if not jobs:
        return ""
    items = "".join(_item(job, job.id == current, links) for job in jobs[:LENGTH])
    return f"<nav class='strip' aria-label='Your recent clips'>{items}</nav>"


def _item(job: Job, is_current: bool, links: Links) -> str:
    pressed = "true" if is_current else "false"
    prompt = escape(job.request.prompt)
    return (
        f"<button type='button' data-action='show' data-job='{links.job(job.id)}' "
        f"aria-pressed='{pressed}' title='{prompt}' aria-label='Clip, {job.status}: {prompt}'>"
        f"{_picture(job, links)}</button>"
    )


def _picture(job: Job, links: Links) -> str:
    if job.outputs:
        name = job.outputs[0].file
        return (
            f"<video src='{links.video(name)}#t=0.5'{still(name, links)} muted playsinline "
            "preload='metadata' tabindex='-1' aria-hidden='true'></video>"
        )
    text = {
        Status.WAITING: "waiting",
        Status.RUNNING: f"{round(100 * fraction(job))}%",
        Status.FAILED: "failed",
        Status.CANCELLED: "stopped",
    }[job.status]
    return f"<span class='{job.status}'>{text}</span>"
