"""Text from outside as each channel may show it: bounded, without control characters, escaped.

An announcement carries words that came in with an alert or stood in a log. On their way out
they must not ping a whole workspace, fake a link or break the layout.
"""

from __future__ import annotations

import re

from models.text import visible

_KEPT = "\n\t"
_COMMAND = "starter.py "
_OF_OTHERS = ("- ", "\\- ", "The alert says:")
"""Lines of evidence, of steps, and of the alert: a command in them is somebody else's."""
_DISCORD_MARKDOWN = re.compile(r"([\\*_`~|>\[\]()#-])")


def bounded(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut is marked by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def fitted(text: str, limit: int) -> str:
    """The same for a text of several lines: what a person may do is kept, wherever it stands.

    From the first line that has no room on, only those are left that name a command.
    """
    if len(text) <= limit:
        return text
    lines = text.split("\n")
    commands = [_COMMAND in line and not line.startswith(_OF_OTHERS) for line in lines]
    room = limit - sum(len(line) + 1 for line, kept in zip(lines, commands, strict=True) if kept)
    if room < 1:
        return bounded("\n".join(line for line, kept in zip(lines, commands, strict=True) if kept), limit)
    fits: list[str] = []
    for line, kept in zip(lines, commands, strict=True):
        if not kept and room > 0:
            fits.append(line if len(line) < room else bounded(line, room))
            room = room - len(line) - 1
        elif kept:
            fits.append(line)
    return "\n".join(fits)


def one_line(text: str, limit: int) -> str:
    """For a title, a subject or a log line."""
    return bounded(" ".join(visible(_head(text, limit), kept=_KEPT).split()), limit)


def in_one_line(text: str, limit: int) -> str:
    """A whole text as one line: as `paragraph` cuts it."""
    return one_line(paragraph(text, limit), limit)


def paragraph(text: str, limit: int) -> str:
    """For the body of a message."""
    enough = fitted(text.replace("\r\n", "\n"), 4 * limit)  # a megabyte is not cleaned for a line of it
    return fitted(visible(enough, kept=_KEPT).strip(), limit)


def _head(text: str, limit: int) -> str:
    """Enough of a text to fill `limit`, so that a megabyte is not cleaned for a line of it."""
    return text[: 4 * limit]


def for_slack(text: str) -> str:
    """Slack's three control characters; without them nothing is a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_discord(text: str) -> str:
    """Every character with a meaning in Discord's Markdown, taken literally."""
    return _DISCORD_MARKDOWN.sub(r"\\\1", text)


def without_mentions(text: str) -> str:
    """For formats that are not known here: a zero-width space keeps `@all` and `<!channel>` inert."""
    return text.replace("@", "@\u200b").replace("!", "!\u200b")
