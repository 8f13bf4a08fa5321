"""How many parts a JSON answer may have: unpacked, a small one of these takes thirty times its own bytes."""

from __future__ import annotations

import re
from itertools import islice

MOST_PARTS = 500_000
"""Values and keys. About 10,000 alerts have as many."""

_SIGNS = (b"[", b"{", b",", b":")
_NEXT_PART = re.compile(rb'(?:[^"\[{,:]++|"(?:[^"\\]++|\\.)*+"?)*+(?:[\[{,:]|\Z)', re.DOTALL)
"""Up to the next sign that begins a part. Texts are skipped: times and addresses are full of such signs."""


def end_of_most(body: bytes | bytearray) -> int | None:
    """Where in this JSON the last part ends that is read; None where it has no more than are read."""
    if sum(map(body.count, _SIGNS)) < MOST_PARTS:
        return None
    beyond = next(islice(_NEXT_PART.finditer(body), MOST_PARTS, None), None)
    return beyond.start() if beyond else None
