"""A reload keeps the form: its values lie in the browser's own session storage.

Of an upload its path is kept: as in every event, a path that comes from a browser must name one of
Gradio's uploads and no other file of this machine (``values.still_uploaded``). Where storage is
blocked, as in another site's frame, the form opens with its defaults.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from wan_demo.domain.request import INPUTS
from wan_demo.ui import beginning

FILES = (*INPUTS, beginning.BOX)
"""The form's components that hold uploads."""

TASK_JS = """(() => {
  const tab = document.querySelector('#tasks [role=tab][aria-selected=true]')?.dataset.tabId;
  return tab && tab !== 'library' ? tab : document.body.dataset.task;
})()"""
"""JavaScript for the task that the form is for: the tab's, or in the Library the last one's."""

_KEY = "wan_demo.form"

ADDRESS_JS = """(() => {
  const asked = new URLSearchParams(window.wanDemo?.asked() ?? location.search);
  for (const name of [...asked.keys()]) {
    if (["job", "embed"].includes(name) || name.startsWith("__")) asked.delete(name);
  }
  return asked;
})()"""
"""JavaScript for what the address asks for in the form."""


def save_js(names: Sequence[str]) -> str:
    """JavaScript that keeps the values of so named components, and the tab."""
    return f"""(...values) => {{
  const names = {json.dumps(list(names))};
  const plain = (value) => (Array.isArray(value) ? value.map(plain) : (value?.path ?? value));
  const kept = Object.fromEntries(names.map((name, index) => [name, plain(values[index])]));
  kept.tab = document.querySelector("#tasks [role=tab][aria-selected=true]")?.dataset.tabId;
  if (kept.tab && kept.tab !== "library") document.body.dataset.task = kept.tab;
  kept.task = document.body.dataset.task;
  kept.address = String({ADDRESS_JS});
  try {{ sessionStorage.setItem("{_KEY}", JSON.stringify(kept)); }} catch {{ /* blocked */ }}
}}"""


HEAD_JS = f"""
try {{ window.wanDemo.kept = sessionStorage.getItem("{_KEY}"); }} catch {{ /* blocked */ }}
"""
"""JavaScript for the page's head, before anything is drawn: what the former page has kept.

Gradio tells of the opened page up to some seconds after it can be used. By then what is kept may
be the first of what was typed here, which would come back over the rest.
"""


def load_js() -> str:
    """JavaScript that hands over what was kept, or what the address asks for, or null.

    A reload keeps what was typed over what the address asked for; another address asks anew.
    """
    return f"""() => {{
  const address = {ADDRESS_JS};
  let kept = null;
  try {{ kept = JSON.parse(window.wanDemo.kept ?? null); }} catch {{ /* another's, or none */ }}
  const isAskedAnew = String(address) && kept?.address !== String(address);
  if (isAskedAnew) kept = {{ asked: Object.fromEntries(address), task: address.get("tab") }};
  if (kept?.task && kept.task !== "library") document.body.dataset.task = kept.task;
  return kept;
}}"""
