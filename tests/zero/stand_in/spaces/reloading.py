"""Gradio starts this on every Space, for people who edit a running one."""

from __future__ import annotations

from typing import Any


def start_reload_server(**_given: Any) -> None:
    """Nobody does here."""
