"""The comparison of an alert rule: the number that it measures, and the threshold beside it.

PromQL is not parsed here. It is only split where a comparison with one number stands outside of every
bracket, string and comment; whatever else it is stays a rule that is not measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PIECE = re.compile(
    r"(?P<skipped>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*|\s+)"
    r"|(?P<opens>[(\[{])|(?P<closes>[)\]}])"
    r"|(?P<compares>==|!=|>=|<=|>|<)"
    r"|(?P<word>[a-zA-Z_:][\w:.]*)|(?P<other>.)",
    re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?\s*(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_COMMENT = re.compile(r"(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`)|#[^\n]*")
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


@dataclass(frozen=True)
class Comparison:
    """`measured` is PromQL for the number; the alert is true `above` the threshold, or below it."""

    measured: str
    threshold: float
    above: bool
    inclusive: bool = False

    @property
    def worst(self) -> str:
        """One series of it: of many, the one that is nearest to the threshold or furthest beyond."""
        return f"{'max' if self.above else 'min'}({self.measured})"


def comparison(expression: str) -> Comparison | None:
    """The comparison with a number that decides; None where it is not as simple as that.

    What narrows it, as in `errors > 0.05 and traffic > 1`, narrows what is measured, too.
    """
    text = _unwrapped(_COMMENT.sub(lambda found: found[1] or " ", expression).strip())
    found: list[tuple[int, int, str]] = []
    narrowed = len(text)
    depth = 0
    for piece in _PIECE.finditer(text):
        depth += bool(piece["opens"]) - bool(piece["closes"])
        if depth or (narrowed < len(text) and piece["word"] != "or"):
            continue
        if piece["compares"]:
            found.append((piece.start(), piece.end(), piece["compares"]))
        elif piece["word"] == "or":
            return None
        elif piece["word"] in ("and", "unless"):
            narrowed = piece.start()
    if len(found) != 1 or found[0][2] not in _TURNED:
        return None
    begin, end, sign = found[0]
    left, right, rest = text[:begin].strip(), text[end:narrowed].strip(), text[narrowed:]
    if (threshold := _number(right)) is None:
        left, right, sign = right, left, _TURNED[sign]
        threshold = _number(right)
    if threshold is None or not left or _number(left) is not None:
        return None
    measured = f"({left}) {rest}" if rest else left
    return Comparison(measured, threshold, above=sign.startswith(">"), inclusive=sign.endswith("="))


def _number(text: str) -> float | None:
    bare = _unwrapped(text)
    return float(bare.replace("_", "").replace(" ", "")) if _NUMBER.fullmatch(bare) else None


def _unwrapped(text: str) -> str:
    """Without the parentheses around all of it."""
    while text.startswith("(") and _closes_at(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closes_at(text: str) -> int:
    """Where the bracket at its beginning is closed; -1 where it never is."""
    depth = 0
    for piece in _PIECE.finditer(text):
        depth += bool(piece["opens"]) - bool(piece["closes"])
        if not depth:
            return piece.start()
    return -1
