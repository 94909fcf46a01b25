"""Components that hand on what a person gave as it came, and files lent to Gradio for download.

Gradio's own ``Image`` opens every upload with Pillow in this process, and its ``Slider`` and
``Number`` answer a wrong value with an error of their own. A stranger's file is only opened in
the limited child process (``wan_demo.media.child``), and values are judged by the domain's rules.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from abc import ABCMeta
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio.blocks import Block
from gradio.data_classes import FileData, ImageData, ListFiles
from gradio.utils import get_upload_folder

from wan_demo.media.uploads import use

_KEY = secrets.token_bytes(32)
"""What lent files are named with, so that who knows what is in one can't guess its name."""


class _WithoutStub(type(gr.Slider)):
    """Gradio's metaclass writes a stub file beside each component class; these need none."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
        return ABCMeta.__new__(mcs, name, bases, namespace)


class AsGiven(metaclass=_WithoutStub):
    """Mixin: the value is what the browser sent, a number or an upload's path."""

    EVENTS: ClassVar[list[Any]] = []

    def get_block_name(self) -> str:
        """Gradio's own component of the same name is what the browser shows."""
        return type(self).__name__.lower()

    def preprocess(self, payload: Any) -> Any:
        """The payload itself; of an upload, its path in Gradio's cache; of several, a list."""
        if isinstance(payload, ListFiles):
            return [_uploaded(file) for file in payload.root]
        return _uploaded(payload) if isinstance(payload, (FileData, ImageData)) else payload


class Textbox(AsGiven, gr.Textbox):
    """``gr.Textbox`` that makes no text of what is none."""


class Slider(AsGiven, gr.Slider):
    """``gr.Slider`` that refuses nothing."""


class Number(AsGiven, gr.Number):
    """``gr.Number`` that refuses nothing."""


class Dropdown(AsGiven, gr.Dropdown):
    """``gr.Dropdown`` that refuses nothing."""


class Radio(AsGiven, gr.Radio):
    """``gr.Radio`` that refuses nothing."""


class File(AsGiven, gr.File):
    """``gr.File`` that judges no file by its name."""


class Image(AsGiven, gr.Image):
    """``gr.Image`` that opens nothing."""

    def postprocess(self, value: Any) -> ImageData | None:
        """The file as it lies there."""
        return ImageData(path=str(value), orig_name=Path(value).name) if value else None


class Video(AsGiven, gr.Video):
    """``gr.Video`` that converts nothing."""

    def postprocess(self, value: Any) -> FileData | None:
        """The file as it lies there; Gradio's own would hand it to ffmpeg where there is one."""
        return FileData(path=str(value), orig_name=Path(value).name) if value else None


class UploadButton(AsGiven, gr.UploadButton):
    """``gr.UploadButton`` that judges no file by its name."""


def uploaded(path: str) -> str | None:
    """The path of an upload that a script of the page tells of; None for any other file."""
    try:
        return _uploaded(FileData(path=path))
    except (gr.Error, OSError, ValueError):
        return None


def still_uploaded(paths: Any) -> Any:
    """Of one upload or several that a page has remembered, what is there; None for nothing."""
    if isinstance(paths, list):
        return [file for path in paths if (file := still_uploaded(path))] or None
    path = uploaded(paths) if isinstance(paths, str) else None
    with suppress(OSError):  # a name that no file can have
        return path if path and Path(path).is_file() else None
    return None


def _uploaded(payload: FileData | ImageData) -> str:
    """The path of an upload; a client that names any other file of this machine is refused."""
    path = Path(payload.path or "").resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()):
        raise gr.Error("Upload the file first.", print_exception=False)
    use(path)
    return str(path)


def lent(name: str) -> Path:
    """A path to write to, from where Gradio may serve, under a name that nobody can guess.

    What lies there goes a day after its last use (``wan_demo.media.uploads``).
    """
    cache = Path(get_upload_folder())
    cache.mkdir(parents=True, exist_ok=True)
    return cache / f"{secrets.token_urlsafe(16)}-{name}"


def lend(path: Path, name: str) -> str:
    """A copy of a file that Gradio may serve."""
    return lend_made(name, partial(shutil.copyfile, path))


def lend_made(name: str, make: Callable[[Path], object]) -> str:
    """What ``make`` writes to a path, lent: once for the same bytes, however often it is asked."""
    made = lent(name)
    try:
        make(made)
        with made.open("rb") as file:
            digest = hashlib.file_digest(file, partial(hashlib.sha256, _KEY)).hexdigest()
        kept = made.parent / digest / name
        kept.parent.mkdir(exist_ok=True)
        if kept.exists():
            use(kept)
        else:
            made.replace(kept)
    finally:
        made.unlink(missing_ok=True)
    return str(kept)


class _NoNames(set[str]):
    """Keeps nothing that is put in."""

    def add(self, _name: str, /) -> None:
        pass

    def update(self, *_names: Any) -> None:
        pass


_NO_NAMES = _NoNames()


def forget_names(page: gr.Blocks) -> None:
    """Have Gradio remember no file that a page names, there or not: it would keep all for good.

    It would need them to clear away files itself. Read in gradio 6.31, ``blocks.py``.
    """
    page.upload_file_set = _NO_NAMES
    Block.temp_files = property(  # pyright: ignore[reportAttributeAccessIssue]
        lambda _block: _NO_NAMES, lambda _block, _names: None
    )
