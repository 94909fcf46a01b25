from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.makers import request
from wan_demo.domain.lora import parse
from wan_demo.domain.queue import MOST_ALIKE, Caps, Turn, kind_of, order


def turns(said: str) -> list[Turn]:
    """``a1 b2`` is a job of owner a and kind 1, then one of owner b and kind 2."""
    return [Turn(f"{at}", word[0], word[1:]) for at, word in enumerate(said.split())]


def ordered(waiting: str, started: str = "") -> str:
    return " ".join(turn.owner + turn.kind for turn in order(turns(waiting), turns(started)))


@pytest.mark.parametrize(
    ("waiting", "started", "expected"),
    [
        ("", "", ""),
        ("a1 a1 a1", "", "a1 a1 a1"),
        ("a1 a1 a1 b1", "", "a1 b1 a1 a1"),
        ("a1 a1 a1 b1", "a1", "b1 a1 a1 a1"),
        ("a1 b1 c1 a1 b1 c1", "", "a1 b1 c1 a1 b1 c1"),
        ("a1 b1 c1", "b1 a1", "c1 b1 a1"),
        ("a1 b2 c1", "a1", "c1 a1 b2"),
        ("a1 a1 a1 a1 a1 b2", "a1", "a1 a1 a1 b2 a1 a1"),
    ],
)
def test_owners_take_turns_and_alike_jobs_stay_together(waiting, started, expected):
    assert ordered(waiting, started) == expected


jobs = st.lists(
    st.builds(lambda owner, kind: owner + kind, st.sampled_from("abcd"), st.sampled_from("123"))
).map(" ".join)


@given(jobs, jobs)
def test_each_job_is_taken_once_and_each_owners_in_their_order(waiting, started):
    given_ = turns(waiting)
    taken = list(order(given_, turns(started)))
    assert Counter(taken) == Counter(given_)
    for owner in "abcd":
        assert [t for t in taken if t.owner == owner] == [t for t in given_ if t.owner == owner]


@given(jobs, jobs)
def test_nobody_waits_for_more_than_the_others_turns(waiting, started):
    """Between two turns of one owner who is waiting, the others have a few rounds at most."""
    taken = list(order(turns(waiting), turns(started)))
    for owner in {turn.owner for turn in taken}:
        last = max(at for at, turn in enumerate(taken) if turn.owner == owner)
        others = [turn.owner == owner for turn in taken[: last + 1]]
        longest = max((len(list(run)) for is_own, run in groupby(others) if not is_own), default=0)
        assert longest <= 3 * MOST_ALIKE


@given(jobs)
def test_with_one_kind_nobody_is_two_turns_ahead(waiting):
    taken = list(order(turns(waiting.translate(str.maketrans("23", "11"))), []))
    left = Counter(turn.owner for turn in taken)
    had: Counter[str] = Counter()
    for turn in taken:
        had[turn.owner] += 1
        left[turn.owner] -= 1
        assert all(had[turn.owner] - had[owner] <= 1 for owner in left if left[owner])


def test_a_kind_is_what_must_be_in_memory():
    base = request()
    same = [{"seed": 7}, {"prompt": "another"}, {"guidance_scale": 2.0}]
    other = [{"width": 128}, {"num_frames": 13}, {"loras": parse("style:0.5")}]
    assert all(kind_of(base.model_copy(update=change)) == kind_of(base) for change in same)
    kinds = {kind_of(base.model_copy(update=change)) for change in other}
    assert len(kinds | {kind_of(base)}) == len(other) + 1


@pytest.mark.parametrize(("total", "each", "of_address"), [(1000, 20, 250), (40, 20, 20)])
def test_an_address_may_have_a_quarter_of_the_queue_and_as_many_as_a_person(
    total, each, of_address
):
    assert Caps(total, each).of_address == of_address
