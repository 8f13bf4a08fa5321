"""Text for a terminal of any width: wrapped between words, and never cut.

A word that is longer than the terminal is wide, such as an ID, stays whole: the terminal itself wraps
it, and it is copied in one piece. A pipe gets each line whole.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from console.output import err, out, safe

LABEL = 16
NARROW = 60
"""Below so many columns a value stands under its name."""
_UNBOUNDED = 1_000_000


def columns() -> int:
    """Of the terminal that the person looks at; a pipe has no bound."""
    shown = next((one for one in (out, err) if one.is_terminal), None)
    return shown.width if shown else _UNBOUNDED


def wrapped(text: str, *, head: str = "", style: str = "", hang: int | None = None) -> list[str]:
    """Markup lines of a text from outside; what follows the first is indented by `hang`, or as the head is
    long. Its own line ends stay, as those of a diff."""
    indent = " " * (len(head) if hang is None else hang)
    lines = []
    for number, line in enumerate(text.splitlines() or [""]):
        lines += textwrap.wrap(
            line,
            columns(),
            initial_indent=indent if number else head,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
            replace_whitespace=False,
        ) or [indent if number else head]
    return [styled(safe(line, most=_UNBOUNDED), style) for line in lines]


def styled(markup: str, style: str) -> str:
    return f"[{style}]{markup}[/{style}]" if style else markup


def facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A name and its value each; the value below the name where the terminal is narrow."""
    lines = []
    for name, value in pairs:
        if columns() < NARROW:
            lines += [styled(safe(name), "bold"), *wrapped(value, head="  ")]
            continue
        first, *others = wrapped(value, head=" " * LABEL)
        lines += [f"{styled(safe(name), 'bold')}{first[len(name) :]}", *others]
    return lines
