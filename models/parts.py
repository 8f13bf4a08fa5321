"""How many parts a JSON answer may have: unpacked, a small one of these takes thirty times its own bytes."""

from __future__ import annotations

import re
from itertools import islice

MOST_PARTS = 500_000
"""Values and keys. About 10,000 alerts have as many."""

MOST_OBJECTS = 30_000
"""Objects among them: an empty one takes 600 bytes as a model. 6,000 alerts have as many."""

_SIGNS = (b"[", b"{", b",", b":")
_NEXT_PART = re.compile(rb'(?:[^"\[{,:]++|"(?:[^"\\]++|\\.)*+"?)*+(?:[\[{,:]|\Z)', re.DOTALL)
"""Up to the next sign that begins a part. Texts are skipped: times and addresses are full of such signs."""
_NEXT_OBJECT = re.compile(rb'(?:[^"{]++|"(?:[^"\\]++|\\.)*+"?)*+(?:\{|\Z)', re.DOTALL)


def end_of_most(body: bytes | bytearray, objects: int = MOST_PARTS, parts: int = MOST_PARTS) -> int | None:
    """Where in this JSON the last part ends that is read; None where it has no more than are read.

    Nor are more than so many objects read, or parts in all.
    """
    ends = (
        _end(body, _SIGNS, _NEXT_PART, parts),
        _end(body, (b"{",), _NEXT_OBJECT, objects),
    )
    return min((end for end in ends if end is not None), default=None)


def _end(body: bytes | bytearray, signs: tuple[bytes, ...], part: re.Pattern[bytes], most: int) -> int | None:
    if sum(map(body.count, signs)) < most:
        return None
    beyond = next(islice(part.finditer(body), most, None), None)
    return beyond.start() if beyond else None
