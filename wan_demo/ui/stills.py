"""A still of a video in its player's place, where the browser can't play it.

``static/stills.js`` finds out and puts it there; the pictures are the server's (``media.glimpse``).
"""

from __future__ import annotations

from html import escape


def render_stills(box: str, look: str, at: float, note: str) -> str:
    """What to show in a ``box``, and what to say of it; people see it only where it is needed.

    ``look`` is the address of the video's pictures, ``at`` a moment of it in seconds.
    """
    return (
        f"<p class='stills' data-of='{box}' data-look='{look}' data-at='{at:.3f}'>"
        f"{escape(note)}</p>"
    )
