"""From what a person gave to a request that the model can do, or a sentence saying why not.

Values that a person gave are never changed: they are refused, naming the nearest allowed ones.
Only what was left open is filled in, from the model's defaults or from the medium's own shape.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from wan_demo.domain import continuation, edit_rules, files, lora, scheduler
from wan_demo.domain.control import control
from wan_demo.domain.cut import Cut
from wan_demo.domain.length import no_such_length, with_length
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.prompt import PROMPTS, phrases
from wan_demo.domain.request import INPUTS, MAX_SEED, GenerationRequest, Task
from wan_demo.domain.size import fit_frames, fit_ratio, nearest_frames, nearest_sides
from wan_demo.errors import InvalidRequest

NOT_EVERYWHERE = (
    *("image", "last_image", "video", "reference_images"),
    *("strength", "conditioning_scale", "guidance_scale_2"),
    *("method", "source_prompt", "source_guidance_scale", "n_min", "n_avg", "guide", "mask"),
    *("trim_start", "trim_end", "speed", "direction", "fit", "sound", "colors"),
)
"""The request's fields that some models or tasks do without."""

MOST_BUTTONS = 3
"""A refusal proposes that many words at most; more of them are only named."""

WHOLE = Cut()

Given = Mapping[str, Any]
"""Field names of the request to values; a missing name or None means "the default"."""


def complete(
    given: Given, spec: ModelSpec, medium: Medium | None = None, mask: Medium | None = None
) -> GenerationRequest:
    """Fill in what was left open and check the whole; raises InvalidRequest."""
    open_ = {name for name, value in given.items() if _is_open(name, value)}
    chosen = with_preset({n: value for n, value in given.items() if n not in open_}, spec)
    _refuse_unknown(chosen)
    _refuse_booleans(chosen)
    _refuse_two_lengths(chosen)
    chosen["loras"] = lora.parse(chosen.get("loras", ()))
    chosen["reference_images"] = files.references(chosen.get("reference_images"))
    request = _parse({**_defaults(chosen, spec, medium), **chosen, "model": spec.id}, spec)
    spec = spec.for_task(request.task)
    request = with_length(request, spec)
    _check_task(request, spec)
    _check_prompt(request)
    _check_media(request, medium, mask)
    _check_size(request, spec)
    _check_frames(request, spec, medium)
    _check_steps(request, spec)
    edit_rules.check(request)
    _check_shift(request, spec)
    _check_experts(request, spec)
    return request


def _is_open(name: str, value: Any) -> bool:
    """Whether a field is left to the model, whose negative prompt stands in for a blank one.

    So does the official code: see ``wan_demo.catalog.common.NEGATIVE_PROMPT``.
    """
    is_blank = isinstance(value, str) and not value.strip()
    return value is None or (name == "negative_prompt" and is_blank)


def with_preset(chosen: Given, spec: ModelSpec) -> dict[str, Any]:
    """What a person chose, over the values of the preset that ``preset`` names, if it does."""
    own = {name: value for name, value in chosen.items() if name != "preset"}
    if "preset" not in chosen:
        return own
    presets = {preset.name.lower(): preset for preset in spec.presets}
    found = presets.get(str(chosen["preset"]).lower())
    if found is None:
        allowed = f"must be one of {', '.join(presets)} for {spec.id}"
        raise InvalidRequest("preset", chosen["preset"], allowed, tuple(presets))
    length = {"num_frames"} if "duration" in own else set()  # the person's is another way to say it
    return {n: value for n, value in found.overrides.items() if n not in length} | own


def draw_seed() -> int:
    """A seed nobody can foresee, from 0 to MAX_SEED."""
    return secrets.randbelow(MAX_SEED + 1)


def _refuse_unknown(chosen: Given) -> None:
    for name in chosen:
        if name not in GenerationRequest.model_fields:
            known = ", ".join(GenerationRequest.model_fields)
            raise InvalidRequest(name, chosen[name], f"is not a parameter; there are {known}")


def _refuse_booleans(chosen: Given) -> None:
    """True is a number to Python and to pydantic, and never what a person meant by one."""
    for name, value in chosen.items():
        if isinstance(value, bool):
            raise InvalidRequest(name, value, control(name).allowed)


def _refuse_two_lengths(chosen: Given) -> None:
    if "duration" in chosen and "num_frames" in chosen:
        allowed = "can't be given together with num_frames; leave one of the two out"
        raise InvalidRequest("duration", chosen["duration"], allowed)


def _defaults(chosen: Given, spec: ModelSpec, medium: Medium | None) -> dict[str, Any]:
    defaults = spec.defaults
    width, height = _default_size(chosen, spec, medium)
    filled: dict[str, Any] = {
        "width": width,
        "height": height,
        "num_frames": _default_frames(chosen, spec, medium),
        "fps": defaults.fps,
        "num_inference_steps": defaults.num_inference_steps,
        "guidance_scale": defaults.guidance_scale,
        "negative_prompt": defaults.negative_prompt,
        "seed": draw_seed(),
    }
    if chosen.get("task") not in spec.tasks:
        return filled
    task = Task(chosen["task"])
    if "guidance_scale_2" in spec.takes(task):
        filled["guidance_scale_2"] = defaults.guidance_scale_2
    if continuation.is_one(chosen):
        filled |= continuation.defaults(medium)
    return filled | edit_rules.defaults(chosen, spec, task)


def _default_size(chosen: Given, spec: ModelSpec, medium: Medium | None) -> tuple[int, int]:
    """The medium's own ratio at the model's area; a side that was given decides the other."""
    width, height = spec.defaults.size
    ratio = medium.width / medium.height if medium else width / height
    given_width, given_height = _number(chosen.get("width")), _number(chosen.get("height"))
    if given_width:
        return int(given_width), _other_side(given_width, given_width / ratio, spec)
    if given_height:
        return _other_side(given_height, given_height * ratio, spec), int(given_height)
    return fit_ratio(ratio, width * height, spec.limits) if medium else (width, height)


def _other_side(given: float, wanted: float, spec: ModelSpec) -> int:
    """The allowed side next below ``wanted`` that keeps the area within the model's."""
    return nearest_sides(int(min(wanted, spec.limits.max_area / given)), spec.limits)[0]


def _default_frames(chosen: Given, spec: ModelSpec, medium: Medium | None) -> int:
    """A video keeps its own length as far as the model goes at once, or to where it was cut."""
    if medium is None or medium.kind != "video" or continuation.is_one(chosen):
        return spec.defaults.num_frames
    limits = (spec if chosen.get("trim_end") is None else _for_given_task(spec, chosen)).limits
    return fit_frames(available_frames(medium, _fps(chosen, spec), Cut.chosen(chosen)), limits)


def _for_given_task(spec: ModelSpec, given: Given) -> ModelSpec:
    """The model as it is for a task that it can do, before anybody has checked that."""
    is_known = given.get("task") in spec.tasks
    return spec.for_task(Task(given["task"])) if is_known else spec


def available_frames(medium: Medium, fps: float, cut: Cut = WHOLE) -> int:
    """How many frames the used part of a video has once it is resampled to ``fps``."""
    return int(cut.seconds(medium) * fps + 0.5)


def _fps(chosen: Given, spec: ModelSpec) -> float:
    return _number(chosen.get("fps")) or spec.defaults.fps


def _number(value: Any) -> float | None:
    """A positive, finite number, or None: what is not is left for the parser to refuse."""
    if isinstance(value, (int, float)) and 0 < value < 1e6:
        return float(value)
    return None


def _parse(values: dict[str, Any], spec: ModelSpec) -> GenerationRequest:
    try:
        return GenerationRequest.model_validate(values)
    except ValidationError as error:
        raise _translate(error, _for_given_task(spec, values), values) from None


def _translate(error: ValidationError, spec: ModelSpec, values: Given) -> InvalidRequest:
    """The first of pydantic's findings, in this app's words."""
    finding = error.errors(include_url=False)[0]
    name, value = str(finding["loc"][0]), finding["input"]
    if finding["type"] == "missing":
        return InvalidRequest(name, None, f"is needed, and {control(name).allowed}")
    if finding["type"] == "string_unicode":
        return InvalidRequest(name, value, "must be valid Unicode text")
    if name == "scheduler":
        return scheduler.refusal(value)
    if finding["type"] == "enum":
        known = control(name)
        few = known.choices if len(known.choices) <= MOST_BUTTONS else ()
        return InvalidRequest(name, value, known.allowed, few)
    if finding["type"] == "value_error":
        return InvalidRequest(name, value, str(finding.get("ctx", {}).get("error")))
    if name == "duration":  # fps comes before it, so it is a valid one here
        return no_such_length(value, spec, round(float(values["fps"])))
    return InvalidRequest(name, value, _allowed(name, spec), _nearest(name, value, spec))


def _allowed(name: str, spec: ModelSpec) -> str:
    """What a field may hold, for this model where models differ."""
    limits = spec.limits
    if name in ("width", "height"):
        low, high = limits.min_side, limits.max_side
        return f"must be a multiple of {limits.size_multiple} from {low} to {high} for {spec.id}"
    if name == "num_frames":
        return f"must be 4k+1 from {limits.min_frames} to {limits.max_frames} for {spec.id}"
    if name == "num_inference_steps":
        return f"must be a whole number from 1 to {limits.max_steps} for {spec.id}"
    return control(name).allowed


def _nearest(name: str, value: Any, spec: ModelSpec) -> tuple[float, ...]:
    """The allowed numbers next to a refused one; none for what is no number."""
    known, limits = control(name), spec.limits
    if known.minimum is None or known.maximum is None or not isinstance(value, (int, float)):
        return ()
    is_nan = value != value  # math.isnan raises for a whole number beyond every float
    if is_nan or (known.is_above_minimum and value <= known.minimum):
        return ()
    clamped = min(max(value, known.minimum), known.maximum)
    if name in ("width", "height"):
        return nearest_sides(int(clamped), limits)
    if name == "num_frames":
        return nearest_frames(int(clamped), limits)
    if name == "num_inference_steps":
        clamped = min(clamped, limits.max_steps)
    return (round(clamped) if known.is_integer or float(clamped).is_integer() else clamped,)


def _check_task(request: GenerationRequest, spec: ModelSpec) -> None:
    if request.task not in spec.tasks:
        can = ", ".join(spec.tasks)
        raise InvalidRequest("task", request.task.value, f"{spec.id} can do {can}", spec.tasks)
    edit_rules.check_method(request, spec)
    needs, takes = frozenset(spec.needs(request.task)), spec.takes(request.task)
    if request.continues:
        needs, takes = needs - {"image"}, takes | continuation.FIELDS
    for name in NOT_EVERYWHERE:
        value = getattr(request, name)
        if name in needs and value is None:
            raise InvalidRequest(name, None, f"is needed for {request.task} with {spec.id}")
        if name not in takes and value not in (None, ()):
            value = files.said(value) if name in INPUTS else value
            raise InvalidRequest(name, value, f"is not used by {request.task} with {spec.id}")


def _check_prompt(request: GenerationRequest) -> None:
    if not request.prompt and request.task is not Task.IMAGE_TO_VIDEO:
        raise InvalidRequest("prompt", request.prompt, "must say what the video shows")
    for field in PROMPTS:
        phrases(getattr(request, field) or "", field)


def _check_media(request: GenerationRequest, medium: Medium | None, mask: Medium | None) -> None:
    if medium is None or medium.kind != "video":
        return
    Cut.of(request).check(medium)
    if mask is not None:
        edit_rules.check_mask(mask, medium)


def _check_size(request: GenerationRequest, spec: ModelSpec) -> None:
    limits = spec.limits
    for name, side in (("width", request.width), ("height", request.height)):
        nearest = nearest_sides(side, limits)
        if nearest != (side,):
            raise InvalidRequest(name, side, _allowed(name, spec), nearest)
    if request.width * request.height > limits.max_area:
        width, height = fit_ratio(request.width / request.height, limits.max_area, limits)
        raise InvalidRequest(
            "width",
            request.width,
            f"times height must be at most {limits.max_area:,} pixels for {spec.id}",
            (f"{width}x{height}",),
        )


def _check_frames(request: GenerationRequest, spec: ModelSpec, medium: Medium | None) -> None:
    limits, frames = spec.limits, request.num_frames
    nearest = nearest_frames(frames, limits)
    if nearest != (frames,):
        raise InvalidRequest("num_frames", frames, _allowed("num_frames", spec), nearest)
    if request.continues:
        continuation.check(request)
    elif medium is not None and medium.kind == "video":
        _check_length(request, spec, medium)


def _check_length(request: GenerationRequest, spec: ModelSpec, medium: Medium) -> None:
    """A video must last as long as the clip made of it."""
    cut = Cut.of(request)
    available = available_frames(medium, request.fps, cut)
    if available >= request.played_frames:  # frames that are dropped again may repeat its last
        return
    if available < spec.limits.min_frames:
        raise _too_short(cut, medium, spec.limits.min_frames / request.fps, spec)
    if request.duration is not None:
        longest = int(available * 1000 / request.fps) / 1000
        raise InvalidRequest(
            "duration",
            request.duration,
            f"must be at most the {longest:g} seconds that {_used(cut)} lasts",
            (longest,),
        )
    raise InvalidRequest(
        "num_frames",
        request.num_frames,
        f"must be at most the {available} frames that {_used(cut)} has at {request.fps} fps",
        (fit_frames(available, spec.limits),),
    )


def _used(cut: Cut) -> str:
    return "the video" if cut == WHOLE else "the used part of the video"


def _too_short(cut: Cut, medium: Medium, least: float, spec: ModelSpec) -> InvalidRequest:
    """The refusal of a video, or of what is left of it, by the field that could be otherwise."""
    lasts, allowed = f"{cut.seconds(medium):.2f} s", f"at least {least:.2f} s for {spec.id}"
    if medium.seconds < least:
        return InvalidRequest("video", f"{medium.seconds:.2f} s", f"must last {allowed}")
    if replace(cut, start=0.0, end=None).seconds(medium) < least:
        return InvalidRequest("speed", cut.speed, f"must leave {allowed}; it leaves {lasts}")
    name, value = ("trim_end", cut.end) if cut.end is not None else ("trim_start", cut.start)
    return InvalidRequest(name, value, f"must leave {allowed}; it leaves {lasts}")


def _check_steps(request: GenerationRequest, spec: ModelSpec) -> None:
    name, most = "num_inference_steps", spec.limits.max_steps
    if request.num_inference_steps > most:
        raise InvalidRequest(name, request.num_inference_steps, _allowed(name, spec), (most,))
    if request.effective_steps == 0:
        least = -(-100 // request.num_inference_steps) / 100
        raise InvalidRequest(
            "strength",
            request.strength,
            f"of {request.num_inference_steps} steps leaves no step to run; it must be at least "
            f"{least:g}",
            (least,),
        )


def _check_shift(request: GenerationRequest, spec: ModelSpec) -> None:
    if request.flow_shift is not None and spec.solver(request)[0] == scheduler.DISTILLED:
        raise InvalidRequest(
            "flow_shift",
            request.flow_shift,
            f"is not used by {spec.id}, which was distilled to noise levels of its own",
        )


def _check_experts(request: GenerationRequest, spec: ModelSpec) -> None:
    """No expert is chosen where there is one only."""
    for chosen in request.loras:
        if spec.architecture.experts == 1 and chosen.expert in (lora.Expert.HIGH, lora.Expert.LOW):
            allowed = f"can't be for the {chosen.expert} noise alone, as {spec.id} has one expert"
            for_all = chosen.model_copy(update={"expert": None})
            raise InvalidRequest("loras", str(chosen), allowed, (str(for_all),))
