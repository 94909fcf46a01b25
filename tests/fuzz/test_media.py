"""Whatever is uploaded: it opens, or is refused in words, and the child outlives it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import broken
from tests.fuzz.hostile import ROUNDS
from tests.fuzz.nursery import Nursery, Outcome, nursery
from wan_demo.media.child import MAX_CPU_SECONDS, MAX_MEMORY
from wan_demo.media.take import Take

CUTS, FLIPS = 2 * ROUNDS, 5 * ROUNDS
SIZE = (16, 16)

Case = tuple[str, bytes]


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed") or 0)


@pytest.fixture(scope="module")
def child() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


def commands(path: Path, kind: str) -> Iterator[dict[str, Any]]:
    """What is done with an upload of a kind before a job, and of an accepted one for it."""
    base = {"path": str(path)}
    yield {**base, "do": "probe", "kind": kind}
    take, to = asdict(Take(SIZE, 5, 8)), str(path.with_suffix(".npy"))
    yield {**base, "do": "read", "kind": kind, "take": take, "to": to, "video": str(path)}
    if kind == "video":
        yield {**base, "do": "read", "kind": "sound", "take": take, "to": to, "seconds": 1.0}
        strip = {"times": [0.0, 0.3, 500.0], "height": 32}
        yield {**base, "do": "strip", "kind": "video", "to": to, **strip}


def check(outcome: Outcome) -> bool:
    """Whether it was accepted; a refusal is one line, and nothing but an answer is an end."""
    assert outcome.status == 0, outcome
    assert outcome.cpu_seconds <= MAX_CPU_SECONDS
    assert outcome.peak_bytes <= MAX_MEMORY
    refused = outcome.answer.get("refused")
    if refused is not None:
        said = f"{refused} {outcome.answer.get('came', '')}"
        assert said.isprintable(), said
        assert refused.startswith("must "), said
        assert "/" not in said.replace("and/or", ""), said
    return refused is None


def try_all(child: Nursery, folder: Path, cases: Iterator[Case], *kinds: str) -> tuple[int, int]:
    """How many were accepted, and how many refused."""
    counts = [0, 0]
    for number, (name, data) in enumerate(cases):
        path = folder / f"upload-{number}"
        path.write_bytes(data)
        for kind in kinds:
            counts[not _is_taken(child, path, kind, name)] += 1
        path.unlink()
    return counts[0], counts[1]


def _is_taken(child: Nursery, path: Path, kind: str, name: str) -> bool:
    probe, *reads = commands(path, kind)
    try:
        if not check(child.opened(probe)):
            return False
        for command in reads:
            check(child.opened(command))
    except AssertionError as error:
        kept = path.rename(path.with_name(f"kept-{path.name}"))
        raise AssertionError(f"{kind}: {name} ({kept})") from error
    return True


def _spoiled(goods: dict[str, Path], kind: str, seed: int) -> Iterator[Case]:
    dice = random.Random(f"{kind} {seed}")
    for name, path in goods.items():
        for how, data in broken.spoiled(path.read_bytes(), dice, CUTS, FLIPS):
            yield f"{name}, {how}", data


@pytest.mark.parametrize(
    ("make", "kind"), [(broken.good_videos, "video"), (broken.good_images, "image")]
)
def test_what_is_sound_opens(child, tmp_path, make: Callable[[Path], dict[str, Path]], kind):
    """Else the spoiled ones would be of what no one takes anyway."""
    made = make(tmp_path)
    assert [name for name, path in made.items() if not _is_taken(child, path, kind, name)] == []


def test_spoiled_videos(child, tmp_path, seed):
    cases = _spoiled(broken.good_videos(tmp_path), "video", seed)
    accepted, refused = try_all(child, tmp_path, cases, "video")
    assert min(accepted, refused) > 5


def test_spoiled_images(child, tmp_path, seed):
    cases = _spoiled(broken.good_images(tmp_path), "image", seed)
    accepted, refused = try_all(child, tmp_path, cases, "image", "mask")
    assert min(accepted, refused) > 5


def test_videos_that_lie(child, tmp_path):
    assert try_all(child, tmp_path, broken.lying_videos(tmp_path), "video", "mask")[1] > 20


def test_images_that_lie(child, tmp_path):
    assert try_all(child, tmp_path, broken.lying_images(tmp_path), "image", "mask")[1] > 20
