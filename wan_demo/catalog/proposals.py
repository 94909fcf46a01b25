"""Which model is proposed where several run, the best first.

By the vendors' own comparisons (the READMEs of Wan2.1 and Wan2.2): the two experts of Wan2.2,
then the 14B of Wan2.1, then the 5B and the 1.3B. Q8 and Q5 files stay close to the published
weights; a Q4 of the better model still ranks over the smaller one. They all make videos from text,
which is the task a newcomer begins with.
"""

from __future__ import annotations

BEST_FIRST = (
    "wan2.2-t2v-a14b",
    "wan2.2-t2v-a14b-gguf-q8",
    "wan2.2-t2v-a14b-gguf-q5",
    "wan2.2-t2v-a14b-gguf",
    "wan2.1-t2v-14b",
    "wan2.1-t2v-14b-gguf-q8",
    "wan2.1-t2v-14b-gguf-q5",
    "wan2.1-t2v-14b-gguf",
    "wan2.2-ti2v-5b",
    "wan2.1-t2v-1.3b",
    "wan-tiny",
)
"""Ids of the catalogue."""
