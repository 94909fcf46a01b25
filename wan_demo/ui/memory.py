"""A reload keeps the form: its values lie in the browser's own session storage.

Uploads are left out: a path that comes from a browser must never name a file of this machine.
Where storage is blocked, as in another site's frame, the form opens with its defaults.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

KEPT_OUT = ("image", "last_image", "video")

_KEY = "wan_demo.form"


def save_js(names: Sequence[str]) -> str:
    """JavaScript that keeps the values of so named components, and the tab."""
    return f"""(...values) => {{
  const names = {json.dumps(list(names))};
  const kept = Object.fromEntries(names.map((name, index) => [name, values[index]]));
  kept.task = document.querySelector("#tasks [role=tab][aria-selected=true]")?.dataset.tabId;
  try {{ sessionStorage.setItem("{_KEY}", JSON.stringify(kept)); }} catch {{ /* blocked */ }}
}}"""


def load_js() -> str:
    """JavaScript that hands over what was kept, or null."""
    return f"""() => {{
  try {{ return JSON.parse(sessionStorage.getItem("{_KEY}")); }} catch {{ return null; }}
}}"""
