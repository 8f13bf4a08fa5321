"""Text from outside as each channel may show it: bounded, without control characters, escaped.

An announcement carries words that came in with an alert or stood in a log. On their way out
they must not ping a whole workspace, fake a link or break the layout.
"""

from __future__ import annotations

import re

from models.text import visible

_KEPT = "\n\t"
_DISCORD_MARKDOWN = re.compile(r"([\\*_`~|>\[\]()#-])")


def bounded(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut is marked by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(text: str, limit: int) -> str:
    """For a title, a subject or a log line."""
    return bounded(" ".join(visible(_head(text, limit), kept=_KEPT).split()), limit)


def paragraph(text: str, limit: int) -> str:
    """For the body of a message."""
    return bounded(visible(_head(text, limit).replace("\r\n", "\n"), kept=_KEPT).strip(), limit)


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
