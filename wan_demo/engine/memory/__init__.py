"""The memory policy: what is kept where, in which precision, and why.

Data in, data out: nothing here imports torch or touches a device. ``wan_demo.engine.pipelines``
does what a Rung says.
"""

from __future__ import annotations

from wan_demo.domain.memory import Precision, Profile
from wan_demo.engine.memory.decide import Decision, decide, decide_for, default_clip, lower
from wan_demo.engine.memory.ladder import GROUP_OFFLOAD, Home, Rung, ladder
from wan_demo.engine.memory.machine import GIB, Machine, plenty
from wan_demo.engine.memory.needs import Needs, needs
from wan_demo.engine.memory.offers import Offer, best_for, by_profile, default_offer, offers
from wan_demo.engine.memory.sizes import Clip

__all__ = [
    "GIB",
    "GROUP_OFFLOAD",
    "Clip",
    "Decision",
    "Home",
    "Machine",
    "Needs",
    "Offer",
    "Precision",
    "Profile",
    "Rung",
    "best_for",
    "by_profile",
    "decide",
    "decide_for",
    "default_clip",
    "default_offer",
    "ladder",
    "lower",
    "needs",
    "offers",
    "plenty",
]
