"""Upload fields that hand on the file as it came, and files lent to Gradio for download.

Gradio's own ``Image`` opens every upload with Pillow in this process; a stranger's file is only
opened in the limited child process (``wan_demo.media.child``).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from gradio.events import Dependency

class ImageUpload(gr.Image):
    """``gr.Image`` whose value is the uploaded file's path, unopened."""

    is_template = True

    def preprocess(self, payload: Any) -> str | None:
        """The path of the upload, or None."""
        return payload.path if payload is not None else None
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class VideoUpload(gr.Video):
    """``gr.Video`` whose value is the uploaded file's path, unopened."""

    is_template = True

    def preprocess(self, payload: Any) -> str | None:
        """The path of the upload, or None."""
        return payload.path if payload is not None else None
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


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