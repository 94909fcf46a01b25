from __future__ import annotations

import pytest

from wan_demo.domain.job import Progress, Status


@pytest.mark.parametrize("status", Status)
def test_only_the_three_ends_are_final(status):
    ends = {Status.COMPLETED, Status.FAILED, Status.CANCELLED}
    assert status.is_final == (status in ends)


def test_progress_comes_back_from_json():
    progress = Progress(step=3, steps=9, seconds_left=1.5)
    assert Progress.model_validate_json(progress.model_dump_json()) == progress
