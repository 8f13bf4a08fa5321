"""What the Temporal UI shows of an alert before its run has said a word.

Alerts come from outside. Their text is shown as text: no HTML, no Markdown of its own, no
tables (the UI shows none), and within the sizes that the server takes.
"""

from __future__ import annotations

import re

from models.incident.alert import Alert
from models.names import Severity

SUMMARY_BYTES = 200
DETAILS_BYTES = 8000
LINE = 500

_TAG = re.compile(r"<[^<>]{0,200}>")
_CONTROL = re.compile(r"[`*~\[\]<>|\\]|^[#\s>+-]+")


def summary(alert: Alert, severity: Severity) -> str:
    """One line for the list and the top of the run."""
    said = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    line = f"{severity.value}: {alert.name} on {alert.service}"
    return in_bytes_of(f"{line}: {prose(said)}" if said else line, SUMMARY_BYTES)


def details(alert: Alert, severity: Severity) -> str:
    """The alert as it came in, as a Markdown list."""
    lines = [
        f"**{prose(alert.name)}** on **{prose(alert.service)}**, {severity.value}, "
        f"firing since {alert.starts_at:%Y-%m-%d %H:%M:%S} UTC",
        "",
    ]
    lines += [f"- {code(name)}: {code(text)}" for name, text in sorted(alert.annotations.items())]
    lines += [f"- label {code(name)}: {code(value)}" for name, value in sorted(alert.labels.items())]
    text = "\n".join(lines)
    if len(text.encode()) <= DETAILS_BYTES:
        return text
    return in_bytes_of(text, DETAILS_BYTES).rsplit("\n", 1)[0]


def prose(text: str) -> str:
    """Outside text as one plain line: no tags, no Markdown, no control characters."""
    return _CONTROL.sub("", _TAG.sub("", _one_line(text)))


def code(text: str) -> str:
    """Outside text as a code span, in which nothing is interpreted."""
    return f"`{_one_line(text).replace('`', chr(39)) or ' '}`"


def in_bytes_of(text: str, most: int) -> str:
    """The text, cut to `most` bytes of UTF-8 without tearing a character."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return encoded[: most - 3].decode(errors="ignore") + "…"


def _one_line(text: str) -> str:
    spaced = " ".join(text[: LINE * 4].split())
    line = "".join(character for character in spaced if character.isprintable())
    return line if len(line) <= LINE else line[: LINE - 1] + "…"
