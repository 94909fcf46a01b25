"""Upload fields that hand on the file as it came, and files lent to Gradio for download.

Gradio's own ``Image`` opens every upload with Pillow in this process; a stranger's file is only
opened in the limited child process (``wan_demo.media.child``).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

Upload = TypeVar("Upload", gr.Image, gr.Video)


def unopened(component: Upload) -> Upload:
    """The same component, its value the uploaded file's path as it came.

    The instance is changed, not the class: Gradio writes a stub file beside each subclass.
    """
    component.preprocess = _path_of  # type: ignore[method-assign]
    return component


def _path_of(payload: Any) -> str | None:
    return payload.path if payload is not None else None


def lent(name: str) -> Path:
    """A path to write to, from where Gradio may serve, in a folder whose name nobody can guess.

    Gradio clears its cache by age (``delete_cache`` of the page).
    """
    cache = Path(get_upload_folder())
    cache.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=cache)) / name


def lend(path: Path, name: str) -> str:
    """A copy of a file that Gradio may serve."""
    return str(shutil.copyfile(path, lent(name)))
