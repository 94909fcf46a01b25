"""The tables of SECURITY.md, from what the tests try: ``python -m scripts.security_table``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attacks import ATTACKS
from tests.bad_values import BAD_VALUES, BadValue
from tests.fuzz import broken
from tests.refusals import REFUSALS
from wan_demo import catalog
from wan_demo.domain.rules import complete
from wan_demo.errors import InvalidRequest

FILE = Path(__file__).resolve().parent.parent / "SECURITY.md"
LONGEST = 160
"""Characters of an answer that are shown."""


def security(text: str) -> str:
    """The document with its tables as the tests have them."""
    attacks = [(one.tries, f"`{one.method} {one.path[:80]}`", one.answer) for one in ATTACKS]
    values = [(one.tries, _shown(_answer(one))) for one in BAD_VALUES]
    edits = [(one.name, _shown(one.sentence)) for one in REFUSALS]
    with TemporaryDirectory() as folder:
        files = [(kind, ", ".join(told)) for kind, told in broken.names(Path(folder)).items()]
    tables = {
        "attacks": _table(("What is tried", "Where", "Answer"), attacks),
        "values": _table(("What is tried", "Answer"), [*values, *edits]),
        "files": _table(("As", "What is tried"), files),
    }
    for name, table in tables.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        block = re.compile(f"{start}.*{end}", re.DOTALL)
        text = block.sub(lambda _, new=f"{start}\n{table}\n{end}": new, text)
    return text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- ", "|---")


def _answer(bad: BadValue) -> str:
    try:
        complete(bad.given, catalog.BUNDLED)
    except InvalidRequest as error:
        return str(error)
    raise AssertionError(f"{bad.tries} is accepted")


def _shown(said: str) -> str:
    said = said.replace("|", "\\|")
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


if __name__ == "__main__":
    FILE.write_text(security(FILE.read_text()))
