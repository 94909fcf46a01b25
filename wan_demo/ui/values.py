"""Components that hand on what a person gave as it came, and files lent to Gradio for download.

Gradio's own ``Image`` opens every upload with Pillow in this process, and its ``Slider`` and
``Number`` answer a wrong value with an error of their own. A stranger's file is only opened in
the limited child process (``wan_demo.media.child``), and values are judged by the domain's rules.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.data_classes import FileData, ImageData
from gradio.utils import get_upload_folder

Given = TypeVar("Given", gr.Image, gr.Video, gr.Slider, gr.Number)


def as_given(component: Given) -> Given:
    """The same component, its value what the browser sent: a number, or an upload's path.

    The instance is changed, not the class: Gradio writes a stub file beside each subclass.
    """
    component.preprocess = _as_given  # type: ignore[method-assign]
    return component


def _as_given(payload: Any) -> Any:
    return payload.path if isinstance(payload, (FileData, ImageData)) else payload


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
