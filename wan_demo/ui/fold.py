"""Settings, folded away where the page is embedded (``embed.css``): there is little room."""

from __future__ import annotations

import gradio as gr

_LINE = """
<button type='button' class='act' aria-expanded='false' aria-controls='settings'>Settings</button>
"""

_JS = """
const button = element.querySelector("button");
button.addEventListener("click", () => {
  const isOpen = document.documentElement.classList.toggle("wan-open");
  button.setAttribute("aria-expanded", isOpen);
});
"""


def fold_line() -> gr.HTML:
    """The button; ``embed.css`` shows it there alone."""
    return gr.HTML(_LINE, elem_id="fold", js_on_load=_JS, apply_default_css=False)
