from __future__ import annotations

import pytest

from tests.makers import Clock
from wan_demo.domain import rates
from wan_demo.domain.rates import HERE, Rates, key_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slow(clock) -> Rates:
    """Three at once, then one in two seconds."""
    return Rates(0.5, 3, clock)


def test_a_burst_is_let_through_and_then_one_by_one(slow, clock):
    assert [slow.wait("a") for _ in range(4)] == [0, 0, 0, 2]
    clock.now += 1
    assert slow.wait("a") == 1
    clock.now += 1
    assert [slow.wait("a"), slow.wait("a")] == [0, 2]


def test_each_has_their_own_and_this_machine_as_many_as_it_likes(slow):
    for _ in range(3):
        slow.wait("a")
    assert slow.wait("a") > 0
    assert slow.wait("b") == 0
    assert not any(slow.wait(HERE) for _ in range(100))


def test_more_than_one_is_taken_at_once_or_none_of_them(slow, clock):
    assert [slow.wait("a", 2), slow.wait("a", 2), slow.wait("a")] == [0, 2, 0]
    clock.now += 3
    assert [slow.wait("a", 2), slow.wait("a", 0)] == [1, 0]


def test_no_more_are_remembered_than_may_be(slow, monkeypatch):
    monkeypatch.setattr(rates, "MOST_KEYS", 2)
    for key in "aaaabc":
        slow.wait(key)
    assert slow.wait("a") == 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("127.0.0.1", HERE),
        ("127.8.9.1", HERE),
        ("::1", HERE),
        ("::ffff:127.0.0.1", HERE),
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("nonsense", "nonsense"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_is_known_by_its_network(address, key):
    assert key_of(address) == key
