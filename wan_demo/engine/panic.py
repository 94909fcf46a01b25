"""Libraries in Rust (tokenizers, safetensors) panic where a file is odd enough."""

from __future__ import annotations


def is_panic(error: BaseException) -> bool:
    """PyO3 makes a panic no ``Exception``, and of a class that can't be imported."""
    return type(error).__name__ == "PanicException"


def is_fault(error: BaseException) -> bool:
    """Whether it is an error, and no request to end."""
    return isinstance(error, Exception) or is_panic(error)
