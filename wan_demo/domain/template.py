"""A style for a video: what to ask for, and how to edit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wan_demo.domain.edit import Method

SCENE = "{scene}"


@dataclass(frozen=True)
class Template:
    """A named style: words around a person's own description of the scene.

    ``pattern`` holds ``{scene}`` once. Where ``takes_place_of`` names words, ``word`` takes the
    place of the first of them in the scene instead.
    """

    name: str
    pattern: str = SCENE
    negative_prompt: str = ""
    method: Method = Method.FLOW_EDIT
    strength: float = 0.7
    word: str = ""
    takes_place_of: frozenset[str] = frozenset()

    def prompt(self, scene: str) -> str:
        """The prompt for a scene; an empty one is any scene."""
        scene = scene.strip().rstrip(".,;")
        if not self.takes_place_of:
            return self.pattern.replace(SCENE, scene or "the same scene")
        known = "|".join(sorted(self.takes_place_of))
        changed, count = re.subn(rf"\b({known})\b", self.word, scene, count=1, flags=re.IGNORECASE)
        return changed if count else f"a {self.word} {scene or 'shape'}"

    def scene(self, prompt: str) -> str | None:
        """The scene of a prompt that this template wrote; None where it did not."""
        before, _, after = self.pattern.partition(SCENE)
        is_mine = bool(before or after) and prompt.startswith(before) and prompt.endswith(after)
        is_long = len(prompt) >= len(before) + len(after)
        return prompt[len(before) : len(prompt) - len(after)] if is_mine and is_long else None
