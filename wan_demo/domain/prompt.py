"""The text of a prompt, cleaned as Wan's pipelines clean it."""

from __future__ import annotations

from html import unescape

import ftfy


def clean(text: str) -> str:
    """Broken encodings mended, HTML's entities resolved, white space made single.

    The same text as ``prompt_clean`` of diffusers' ``pipeline_wan.py`` gives, which the server
    can't import without torch.
    """
    return " ".join(unescape(unescape(ftfy.fix_text(text))).split())
