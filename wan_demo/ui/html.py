"""HTML whose buttons raise events."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STATIC = Path(__file__).parent / "static"

ACTIONS_JS = """
const send = (target) => {
  const button = target.closest('[data-action]');
  if (!button || !element.contains(button)) return;
  const { clip } = element.closest('[data-clip]')?.dataset ?? {};
  const video = element.querySelectorAll('.screen video')[clip ?? 0];
  const time = video ? video.currentTime : 0;
  trigger(button.dataset.action, { ...(clip && { clip }), ...button.dataset, time });
};
element.addEventListener('click', (event) => send(event.target));
// events: %s
"""


def script(*names: str) -> str:
    """The text of some of the static files, one after another."""
    return "\n".join((STATIC / name).read_text() for name in names)


def html(value: str, elem_id: str, *events: str, more_js: str = "") -> gr.HTML:
    """HTML whose buttons with ``data-action`` raise the named events, as ``more_js`` may."""
    named = ", ".join(f"'{event}'" for event in events)
    code = ACTIONS_JS % named + more_js
    return gr.HTML(value, elem_id=elem_id, js_on_load=code, apply_default_css=False)
