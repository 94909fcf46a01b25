"""What a person reads about a bad file."""

from __future__ import annotations

import errno

import pytest

from wan_demo.engine.pipelines.broken import BrokenFile, refuse


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (BrokenFile("text_encoder/ lacks weights, a.b among them"), "text_encoder/ lacks weights"),
        (OSError(errno.EACCES, "Permission denied", "/home/ada/secret/x"), "Permission denied."),
        (ValueError("no file /home/ada/secret/x.safetensors in it"), "no file x.safetensors in it"),
        (ValueError("Error at '/home/ada/secret/'"), "Error at ''"),
        (ValueError(r"no C:\\Users\\ada\\secret\\x.gguf"), "no x.gguf."),
        (ValueError("\n"), "for a reason that the log has."),
        (ValueError("first\nsecond"), "first."),
    ],
)
def test_a_reason_is_one_line_without_this_machines_folders(reason, said):
    whole = str(refuse("The weights of X", reason))
    assert whole.startswith(f"The weights of X can't be used: {said}")
    assert "secret" not in whole
    assert "\n" not in whole
