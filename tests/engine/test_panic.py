"""Errors of libraries in Rust."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from wan_demo.engine.panic import is_fault, is_panic

PANICS = (
    '{"version":"1.0","normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"},'
    '"model":{"type":"BPE","vocab":{},"merges":[]}}'
)


def test_a_panic_is_a_fault_though_no_exception():
    with pytest.raises(BaseException, match="charsmap") as caught:
        Tokenizer.from_str(PANICS)
    assert not isinstance(caught.value, Exception)
    assert is_panic(caught.value)
    assert is_fault(caught.value)


@pytest.mark.parametrize("end", [SystemExit(), KeyboardInterrupt(), GeneratorExit()])
def test_a_request_to_end_is_none(end):
    assert not is_fault(end)
