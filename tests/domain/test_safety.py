from __future__ import annotations

import numpy as np
import pytest

from tests.makers import request
from wan_demo.domain.safety import UNCHECKED, Safety
from wan_demo.errors import Refused


def test_without_a_check_everything_passes():
    UNCHECKED.pass_on(request())
    assert UNCHECKED.is_on is False


def test_a_refusal_is_said_as_the_checks_own():
    safety = Safety(lambda asked, _frames: "no stars." if "star" in asked.prompt else None)
    safety.pass_on(request(prompt="a circle"))
    with pytest.raises(Refused) as refused:
        safety.pass_on(request(prompt="a star"))
    assert str(refused.value) == "This server's safety check refused it: no stars."
    assert refused.value.status == 403


def test_a_check_sees_the_frames():
    seen = []
    Safety(lambda _asked, frames: seen.append(frames)).pass_on(
        request(), np.zeros((1, 2, 2, 3), "u1")
    )
    assert seen[0].shape == (1, 2, 2, 3)


def test_a_check_that_fails_lets_nothing_pass(caplog):
    def fails(_asked: object, _frames: object) -> str:
        raise RuntimeError("/srv/secret")

    with pytest.raises(Refused, match="it could not be checked") as refused:
        Safety(fails).pass_on(request())
    assert "secret" not in str(refused.value)
    assert "secret" in caplog.text
