"""What a person looks for among their own clips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from wan_demo.domain.request import MAX_PROMPT, GenerationRequest, Task

UNDO = timedelta(minutes=10)
"""How long a deleted clip can be had back."""

MAX_WORDS = 20
"""Further words of a search are left out: a clip is found by fewer."""

LONGEST_WORD = 2 * MAX_PROMPT + 1
"""Characters: one more than any prompt's longest word has, as a capital may become two small
letters. SQLite refuses patterns of 50,000 bytes."""


@dataclass(frozen=True)
class Search:
    """Words that must all be in the prompt, whatever their case; a task; a model. Empty: any."""

    words: tuple[str, ...] = ()
    task: Task | None = None
    model: str = ""

    @classmethod
    def of(cls, text: str, task: str = "", model: str = "") -> Search:
        """A search as a person typed it; what is no task of ours finds all tasks."""
        found = Task(task) if task in list(Task) else None
        words = _storable(text).lower().split()[:MAX_WORDS]
        return cls(tuple(word[:LONGEST_WORD] for word in words), found, _storable(model))

    def matches(self, request: GenerationRequest) -> bool:
        """Whether a request is one of those looked for."""
        said = f"{request.prompt} {request.prompt_end}".lower()
        is_of_task = self.task is None or request.task is self.task
        is_of_model = not self.model or request.model == self.model
        return is_of_task and is_of_model and all(word in said for word in self.words)


def _storable(text: str) -> str:
    """Without what no database takes: a NUL, and halves of characters, which no prompt has."""
    return text.replace("\0", "").encode(errors="surrogatepass").decode(errors="replace")


EVERYTHING = Search()
