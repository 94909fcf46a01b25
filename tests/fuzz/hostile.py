"""Values for fuzzing: what fields declare, what lies at their bounds, whatever JSON can hold."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Sequence
from functools import cache, reduce
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from wan_demo import catalog
from wan_demo.domain.control import control
from wan_demo.domain.request import INPUTS, GenerationRequest, Task
from wan_demo.domain.rules import NOT_EVERYWHERE

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "1"))
"""How many times longer than in ``make test``: see ``make fuzz``."""

FIELDS = tuple(GenerationRequest.model_fields)

TEXTS = (
    *("", " ", "\0", "a\0b", "\n", "\x1b[31m", "\ud800", "a\udfffb", "\u202egnp.exe", "\u2028"),
    *("null", "true", "NaN", "-1", "1e999", "0x10", "１２", "a" * 2001, "é" * 5000, "🦊" * 900),
    *("../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "C:\\boot.ini", "%00", "a/b/../c"),
    *(
        "http://169.254.169.254/",
        "https://user:pass@host:22/",
        "{}",
        "[[",
        "{{7*7}}",
        "${x}",
        "%s%n",
    ),
    *(
        "(cat:1.3",
        "(cat:9e99)",
        "((((" * 200,
        "(a:nan)",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
    ),
    *("a/b.safetensors:0.5:high", "a.bin", "x:1e400", ":::", "a/b@../../c", ",,,,", "a\nb\n"),
)
NUMBERS = (
    *(
        0,
        -0.0,
        -1,
        1,
        2**31,
        2**32,
        2**53 + 1,
        2**63,
        2**64,
        -(2**64),
        10**400,
        -(10**400),
        10**4000,
    ),
    *(0.1, 1.5, 1e-320, 1e308, -1e308, math.inf, -math.inf, math.nan, True, False),
)
"""Whole numbers beyond every float, too; none that Python would not read from JSON."""


def examples(few: int) -> settings:
    """So many of them, the same ones each time; in a longer run others, by the run's seed."""
    return settings(max_examples=few * ROUNDS, derandomize=ROUNDS == 1)


def _one_of(told: Sequence[Any]) -> st.SearchStrategy[Any]:
    """``sampled_from``, whose picture in a failure does not hold every one of them."""

    def pick(index: int) -> Any:
        return told[index]

    return st.integers(0, len(told) - 1).map(pick)


def _deep(levels: int, is_list: bool) -> Any:
    start: Any = [] if is_list else {}
    return reduce(lambda inner, _: [inner] if is_list else {"a": inner}, range(levels), start)


DEEP = st.builds(_deep, st.sampled_from((1, 50, 900)), st.booleans())
LEAVES = st.one_of(
    st.none(),
    _one_of(TEXTS),
    _one_of(NUMBERS),
    st.text(max_size=40),
    st.text(st.characters(categories=("Cs", "Cc", "Cf", "Lo", "Nd")), max_size=40),
    st.integers(),
    st.floats(),
)
NAMES = _one_of(TEXTS) | st.text(max_size=60)
ANYTHING = st.one_of(
    LEAVES,
    DEEP,
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text(max_size=8) | st.sampled_from(("name", "path", "url")), inner, max_size=4
            )
        ),
        max_leaves=12,
    ),
)
"""What JSON can hold, and Python's parser lets through: NaN and half characters too."""


FILES = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
"""Files as a stored request has them: by their digest."""

LORAS = st.from_regex(
    r"([a-z]{1,8}/)?[a-z]{1,8}(:-?[0-3](\.\d{1,9})?)?(:(high|low|both))?", fullmatch=True
)


@cache
def declared(name: str) -> st.SearchStrategy[Any]:
    """Values that a field's own declaration has."""
    known = control(name)
    if known.choices:
        return st.sampled_from([str(word) for word in known.choices])
    if name == "loras":
        return st.lists(LORAS, max_size=3)
    if known.is_list:
        return st.lists(FILES, max_size=known.max_length)
    if known.minimum is None or known.maximum is None:
        return FILES if name in INPUTS else st.text(max_size=60)
    if known.is_integer:
        return st.integers(int(known.minimum), int(known.maximum))
    return st.floats(known.minimum, known.maximum, exclude_min=known.is_above_minimum)


@cache
def near(name: str) -> st.SearchStrategy[Any]:
    """What lies at a field's bounds, and one step beyond."""
    known = control(name)
    if known.choices:
        return st.sampled_from([*known.choices, known.choices[0].upper(), f"{known.choices[0]} "])
    if known.max_length is not None and not known.is_list:
        return _one_of(["x" * (known.max_length + by) for by in (-1, 0, 1)])
    if known.minimum is None or known.maximum is None:
        return LEAVES
    ends = [end + by for end in (known.minimum, known.maximum) for by in (-1, -0.5, 0, 0.5, 1)]
    return st.sampled_from([*ends, *(int(end) for end in ends), *map(str, ends)])


@cache
def values(name: str) -> st.SearchStrategy[Any]:
    """For one field, whatever its worth."""
    return st.one_of(declared(name), near(name), ANYTHING)


TASKS = st.sampled_from([task.value for task in Task])
USABLE = {"task": TASKS, "prompt": st.just("a red circle")}
OTHERS = tuple(name for name in FIELDS if name not in USABLE)


def _with(fields: Collection[str], of: Callable[[str], st.SearchStrategy[Any]]) -> Any:
    return st.fixed_dictionaries({**USABLE, **{name: of(name) for name in fields}})


def likely(model: str) -> st.SearchStrategy[dict[str, Any]]:
    """Requests that may well be accepted: what a model takes for a task, by its declarations."""
    spec = catalog.find(model)
    everywhere = set(OTHERS) - set(NOT_EVERYWHERE) - {"model"}

    @st.composite
    def drawn(draw: st.DrawFn) -> dict[str, Any]:
        task = draw(st.sampled_from(sorted(spec.tasks)))
        needed = spec.needs(task)
        may = sorted(everywhere | set(spec.takes(task)) - set(needed))
        more = draw(st.sets(st.sampled_from(may), max_size=3))
        told = {name: draw(declared(name)) for name in [*needed, *sorted(more)]}
        return {**told, "task": task, "prompt": "a red circle", "model": model}

    return drawn()


FEW = st.sets(st.sampled_from(OTHERS), max_size=4)
OBJECTS = st.one_of(
    FEW.flatmap(lambda fields: _with(sorted(fields), values)),
    st.fixed_dictionaries({}, optional={name: values(name) for name in FIELDS}),
    st.dictionaries(st.sampled_from(FIELDS) | NAMES, ANYTHING, max_size=5),
)
"""What a request's JSON may be: a usable one with a few fields more, any fields, any names."""
