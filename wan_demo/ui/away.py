"""The page inside another site's document: ``<gradio-app src=...>``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from starlette.responses import Response

_OWN = re.compile(r"""((?:src|href|poster)=['"])(?=(?:files|glimpses)/)""")
"""Addresses that we wrote: what people wrote has its quotes escaped."""

SCRIPT = "gradio.js"


_STYLE = """document.head.append(Object.assign(document.createElement("link"),
  {{ rel: "stylesheet", href: new URL("{}", import.meta.url).href }}));
"""


def at_home(updates: Any) -> Any:
    """An event's answer whose addresses lead to this server, wherever the page is."""
    root = _root()
    if not root or not isinstance(updates, dict):
        return updates
    return {part: _whole(part, value, root) for part, value in updates.items()}


def _whole(part: Any, value: Any, root: str) -> Any:
    is_html = isinstance(part, gr.HTML) and isinstance(value, str)
    return _OWN.sub(rf"\g<1>{root}/", value) if is_html else value


def _root() -> str:
    """Where the app is; empty for a page of its own, whose relative addresses are right."""
    request = getattr(LocalContext.request.get(None), "request", None)
    return getattr(getattr(request, "state", None), "away", "")


def serve_script(app: Any) -> None:
    """``/gradio.js``, which makes a page know the tag, of the very version that serves the app.

    Gradio's own looks for its styles at the host's root, wherever the app is.
    """
    frontend = Path(gr.__file__).parent / "templates" / "frontend"
    styles = re.findall(r'href="(\./assets/[^"]+\.css)"', (frontend / "index.html").read_text())
    text = "".join(map(_STYLE.format, styles)) + (frontend / SCRIPT).read_text()

    async def script(_request: Any) -> Response:
        return Response(text, media_type="text/javascript")

    app.add_route(f"/{SCRIPT}", script)
