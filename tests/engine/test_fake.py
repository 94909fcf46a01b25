from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.makers import request
from wan_demo.domain.events import Finished, Step
from wan_demo.engine.base import Inputs
from wan_demo.engine.fake import FakeEngine
from wan_demo.errors import GenerationFailed

ROOT = Path(__file__).resolve().parents[2]


def test_steps_have_previews_of_the_requests_size():
    steps = [e for e in FakeEngine().generate(request(), Inputs()) if isinstance(e, Step)]
    assert all(step.preview is not None for step in steps)
    assert steps[0].preview is not None
    assert steps[0].preview.shape[1:] == (64, 64, 3)


def test_the_medium_is_the_ground():
    image = np.full((1, 64, 64, 3), 77, np.uint8)
    *_, last = FakeEngine().generate(request(), Inputs(image=image))
    assert isinstance(last, Finished)
    assert (last.frames[:, :, -4:][0] == 77).all()


def test_a_prompt_can_ask_for_a_failure():
    with pytest.raises(GenerationFailed):
        list(FakeEngine().generate(request(prompt="Fail please"), Inputs()))
    list(FakeEngine().generate(request(prompt="failing is another word"), Inputs()))


def test_it_needs_no_torch():
    code = "import sys, wan_demo.engine.fake; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
