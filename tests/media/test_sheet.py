from __future__ import annotations

import numpy as np
import pytest

from tests.makers import gray_index, grays
from wan_demo.media.sheet import contact_sheet, middles


@pytest.mark.parametrize(
    ("start", "end", "count", "expected"),
    [(0, 4, 2, [1, 3]), (1, 2, 4, [1.125, 1.375, 1.625, 1.875]), (0, 3, 1, [1.5])],
)
def test_times_are_the_middles_of_equal_pieces(start, end, count, expected):
    assert middles(start, end, count) == pytest.approx(expected)


def test_each_row_stands_below_the_one_before_in_the_times_columns():
    before, after = grays(3, (60, 40)), grays(6, (60, 40))[3:]
    sheet = contact_sheet({"before": before, "after": after}, [0.5, 1.5, 2.5])
    gray = (sheet.max(axis=2) == sheet.min(axis=2)) & (sheet[..., 0] < 70)
    full = np.flatnonzero(gray.sum(axis=1) >= 3 * 60)
    assert len(full) == 80
    top, second = full[0], full[np.flatnonzero(np.diff(full) > 1)[0] + 1]
    assert 0 < second - (top + 40) < 10
    for row, first in ((top, 0), (second, 3)):
        columns = sheet[row + 20, :, 0]
        shown = [gray_index(each) for each in np.unique(columns[columns < 70])]
        assert [index for index in shown if index >= first][:3] == [first, first + 1, first + 2]


def test_names_and_times_are_written():
    frames = np.full((2, 40, 60, 3), 255, np.uint8)
    empty = contact_sheet({"": frames}, [0.0, 1.0])
    assert np.any(empty[:21] < 128), "no time above"
    assert np.all(empty[21:] == 255)
    named = contact_sheet({"before": frames}, [0.0, 1.0])
    assert np.any(named[21:, :60] < 128), "no name before its row"
    assert named.shape[1] > empty.shape[1]
