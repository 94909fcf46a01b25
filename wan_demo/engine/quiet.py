"""Keeps a library's advice out of the log."""

from __future__ import annotations


def quiet_transformers() -> None:
    """To be called before diffusers is imported: what it imports gives advice on the way."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
