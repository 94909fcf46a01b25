from __future__ import annotations

from threading import Event as Flag

from wan_demo.jobs.looks import keep_looking


def test_it_looks_until_it_is_stopped_whatever_a_look_runs_into(caplog):
    stopping, looks = Flag(), []

    def look() -> None:
        looks.append(len(looks))
        if len(looks) == 3:
            stopping.set()
        if len(looks) == 2:
            raise OSError("away")

    keep_looking(look, 0.001, stopping)
    assert looks == [0, 1, 2]
    assert caplog.text.count("look failed") == 1


def test_nobody_looks_once_it_was_stopped():
    stopping = Flag()
    stopping.set()
    keep_looking(lambda: 1 / 0, 0.001, stopping)
