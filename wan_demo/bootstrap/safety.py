"""The safety check that the settings name."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from wan_demo.domain.safety import UNCHECKED, Check, Safety
from wan_demo.errors import InvalidRequest
from wan_demo.settings import Settings


def make_safety(settings: Settings) -> Safety:
    """The check behind ``module:name``; raises InvalidRequest where there is none."""
    named = settings.safety_check
    if named is None:
        return UNCHECKED
    module, _, name = named.partition(":")
    try:
        check = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidRequest("safety_check", named, f"can't be imported ({error})") from None
    if not callable(check):
        raise InvalidRequest("safety_check", named, "must be something that can be called")
    return Safety(cast(Check, check))
