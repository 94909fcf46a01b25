"""A control as a surface shows it, read off the request's own fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, get_args, get_origin

from wan_demo.domain.request import GenerationRequest


@dataclass(frozen=True)
class Control:
    """Label, help and bounds of one field of the request; bounds are None where there are none."""

    name: str
    label: str
    help: str
    minimum: float | None
    maximum: float | None
    is_integer: bool
    max_length: int | None
    is_above_minimum: bool = False
    """The minimum itself is not allowed."""
    choices: tuple[str, ...] = ()
    """The words that it may be; empty where it is no choice."""
    is_list: bool = False
    """It may hold several values."""

    @property
    def allowed(self) -> str:
        """What is allowed, as the end of the sentence "<field>: ..."."""
        if self.choices:
            return f"must be one of {', '.join(self.choices)}"
        if self.is_list and self.max_length is not None:
            return f"must be at most {self.max_length} files"
        if self.max_length is not None:
            return f"must be text of at most {self.max_length:,} characters"
        kind = "a whole number" if self.is_integer else "a number"
        if self.minimum is None or self.maximum is None:
            return "must be text"
        if self.is_above_minimum:
            return f"must be {kind} above {self.minimum:g} and up to {self.maximum:.12g}"
        return f"must be {kind} from {self.minimum:g} to {self.maximum:.12g}"


@cache
def control(name: str) -> Control:
    """The control of one request field; raises KeyError for a name that is no field."""
    field = GenerationRequest.model_fields[name]
    bounds = {
        key: getattr(rule, key)
        for rule in field.metadata
        for key in ("ge", "gt", "le", "max_length")
        if getattr(rule, key, None) is not None
    }
    return Control(
        name=name,
        label=field.title or name,
        help=field.description or "",
        minimum=bounds.get("ge", bounds.get("gt")),
        maximum=bounds.get("le"),
        is_integer=int in (field.annotation, *get_args(field.annotation)),
        max_length=bounds.get("max_length"),
        is_above_minimum="gt" in bounds,
        choices=_choices(field.annotation),
        is_list=get_origin(field.annotation) is tuple,
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    """The words of a field that is a StrEnum, or one or nothing."""
    kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    return tuple(word for kind in kinds if issubclass(kind, StrEnum) for word in kind)


def controls() -> tuple[Control, ...]:
    """Every control, in the request's order."""
    return tuple(control(name) for name in GenerationRequest.model_fields)
