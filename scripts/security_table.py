"""The table of SECURITY.md, from what the tests try: ``python -m scripts.security_table``."""

from __future__ import annotations

import re
from pathlib import Path

from tests.attacks import ATTACKS

FILE = Path(__file__).resolve().parent.parent / "SECURITY.md"
START, END = "<!-- attacks -->", "<!-- /attacks -->"


def security(text: str) -> str:
    """The document with its table as the tests have it."""
    rows = [f"| {one.tries} | `{one.method} {one.path}` | {one.answer} |" for one in ATTACKS]
    table = "\n".join(["| What is tried | Where | Answer |", "|---|---|---|", *rows])
    block = re.compile(f"{START}.*{END}", re.DOTALL)
    return block.sub(lambda _: f"{START}\n{table}\n{END}", text)


if __name__ == "__main__":
    FILE.write_text(security(FILE.read_text()))
