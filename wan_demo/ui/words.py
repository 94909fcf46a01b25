"""Numbers as people read them."""

from __future__ import annotations

from wan_demo.domain.cut import Cut
from wan_demo.domain.edit import Colors, Direction, Fit, Guide, Method, Sound
from wan_demo.domain.job import Job
from wan_demo.domain.lora import SUFFIX, Lora
from wan_demo.domain.request import GenerationRequest, Task

TASK_TITLES = {
    Task.TEXT_TO_VIDEO: "Text to video",
    Task.IMAGE_TO_VIDEO: "Image to video",
    Task.VIDEO_TO_VIDEO: "Style edit",
}

METHOD_TITLES = {
    Method.RENOISE: "Re-noise",
    Method.FLOW_EDIT: "Keep structure",
    Method.VACE: "VACE",
}

METHOD_HINTS = {
    Method.RENOISE: "for another look all over, which may change shapes and motion too.",
    Method.FLOW_EDIT: "for changing what the prompt says otherwise, and keeping all else.",
    Method.VACE: "for edits inside a mask, or a new look along your video's edges or layout.",
}
"""When to use it, as the end of the sentence "Re-noise: ..."."""
EDIT = "Edit this"
ANIMATE = "Animate this frame"
EXTEND = "Continue"
"""What the stage and the Library call the same three things."""


def duration(seconds: float) -> str:
    """``4 s``, ``2 min 5 s``, ``1 h 3 min``."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def number(value: float) -> str:
    """``5``, ``3.5``: no trailing zeros."""
    return f"{value:.10g}"


def plain(value: object) -> str:
    """A number without trailing zeros; anything else as it is."""
    return number(value) if isinstance(value, (int, float)) else str(value)


def gigabytes(count: int) -> str:
    """``28.9``: billions of bytes, as download sizes are given."""
    return f"{count / 1e9:.1f}"


def playing_time(num_frames: int, fps: int) -> str:
    """How long so many frames play."""
    return f"{num_frames / fps:.1f} s at {fps} fps"


USED = "{} s, {} frames at {} fps"
"""What the timeline tells of the part that is used; the browser fills it in too."""


def used(num_frames: int, fps: int) -> str:
    """``3.1 s, 25 frames at 8 fps``."""
    return USED.format(f"{num_frames / fps:.1f}", num_frames, fps)


def _length(request: GenerationRequest) -> str:
    """How long the clip plays, to the millisecond where it was asked for."""
    if request.duration is None:
        return playing_time(request.frames_before + request.num_frames, request.fps)
    return f"{number(round(request.played_seconds, 3))} s at {request.fps} fps"


def joined(request: GenerationRequest) -> list[str]:
    """``16 new frames joined to 17``; nothing where no video is gone on with."""
    if not request.continues:
        return []
    before = request.frames_before + 1
    return [f"{request.played_frames - before} new frames joined to {before}"]


def steps(request: GenerationRequest) -> str:
    """Steps that run, and of how many where strength cuts them."""
    if request.effective_steps == request.num_inference_steps:
        return f"{request.num_inference_steps} steps"
    return f"{request.effective_steps} of {request.num_inference_steps} steps"


def facts(request: GenerationRequest) -> list[str]:
    """What decides a clip's look, one short phrase each."""
    said = [
        f"{request.width}×{request.height}",
        f"{request.played_frames} frames",
        _length(request),
        *joined(request),
        steps(request),
        f"guidance {number(request.guidance_scale)}",
    ]
    if request.guidance_scale_2 is not None:
        said[-1] += f" / {number(request.guidance_scale_2)}"
    if request.scheduler is not None:
        said.append(request.scheduler)
    if request.flow_shift is not None:
        said.append(f"shift {number(request.flow_shift)}")
    said += [f"LoRA {_lora(lora)}" for lora in request.loras]
    said += edit(request)
    pinned = (request.profile, request.precision)
    return said + [word.replace("_", " ") for word in pinned if word is not None]


def edit(request: GenerationRequest) -> list[str]:
    """How a video is edited, and what of it is used: what goes without saying is left out."""
    said = [] if request.method is None else [METHOD_TITLES[request.method].lower()]
    if request.strength is not None:
        said.append(f"strength {number(request.strength)}")
    if request.conditioning_scale is not None:
        said.append(f"control {number(request.conditioning_scale)}")
    cut = Cut.of(request)
    if cut.start:
        said.append(f"from {number(cut.start)} s on")
    if cut.speed != 1:
        said.append(f"{number(cut.speed)}× speed")
    told = {
        "masked": request.mask is not None,
        f"guided by its {request.guide}": request.guide not in (None, Guide.VIDEO, Guide.BLANK),
        "reversed": request.direction is Direction.REVERSED,
        "padded": request.fit is Fit.PAD,
        "without sound": request.sound is Sound.NONE,
        "your video's colors": request.colors is Colors.SOURCE,
    }
    return said + [text for text, is_so in told.items() if is_so]


def said(request: GenerationRequest) -> str:
    """The prompt, and the one that it leads to where there is one."""
    if not request.prompt_end:
        return request.prompt
    return f"{request.prompt} → {request.prompt_end}"


def _lora(lora: Lora) -> str:
    """Its file's own name and its weight."""
    return f"{lora.name.rpartition('/')[2].removesuffix(SUFFIX)} {number(lora.weight)}"


def took(job: Job) -> str:
    """How long a finished job ran."""
    return f"made in {duration(job.run_seconds)}" if job.run_seconds else ""


def promise(device: str) -> str:
    """What a seed is worth: kernels differ between devices and versions, in the last bits."""
    return (
        f"The same seed and settings give the same frames on this {device} with these versions of "
        "the libraries; on others they may differ a little."
    )


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``11th``."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
