"""A person's key: with it their clips are theirs in any browser. Cookies hold it where they can."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

LABEL = "Your key: take your clips to another browser"
ENTERED = "These are the clips of that key. The field holds the one you had before."
REFUSED = "That is no key of this server. Copy the whole of it."
MAX_LENGTH = 200

ENTER_JS = """async (...v) => {
  const key = document.querySelector("#key-entered input")?.value ?? "";
  const headers = { "Content-Type": "application/json" };
  try {
    await fetch("owner", { method: "POST", headers, body: JSON.stringify({ key: key.trim() }) });
  } catch { /* the page itself remembers it */ }
  return v;
}"""
"""Sets the cookie, which only the server may, before the page's event looks at who asks."""


@dataclass(frozen=True)
class KeyBox:
    """``shown``: this person's key; ``entered``: one from elsewhere; ``said``: what came of it."""

    box: gr.Accordion
    shown: gr.Textbox
    entered: gr.Textbox
    enter: gr.Button
    said: gr.Markdown


def key_box() -> KeyBox:
    """Folded away: few need it, and it is to be kept like a password."""
    with gr.Accordion(LABEL, open=False, elem_id="key") as box:
        shown = gr.Textbox(
            label="Your key",
            info="Whoever has it has your clips: keep it like a password.",
            type="password",
            interactive=False,
            buttons=["copy"],
            elem_id="key-shown",
        )
        entered = gr.Textbox(
            label="A key from another browser",
            info="This browser then shows that key's clips.",
            type="password",
            max_length=MAX_LENGTH,
            elem_id="key-entered",
        )
        enter = gr.Button("Open", size="sm", elem_id="key-enter")
        return KeyBox(box, shown, entered, enter, gr.Markdown("", elem_id="key-said"))
