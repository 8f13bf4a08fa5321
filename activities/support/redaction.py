"""Cleans text from outside for a workflow history: bounded, printable, and without secrets.

Activities clean log lines, error messages and response bodies before they return them. Redaction rather
hides too much. Every pattern is bounded, so that no input takes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from models.text import shorten

REDACTED = "[redacted]"
LINE_LIMIT = 500
"""Characters of one line that are kept."""

_LOOKED_AT = 4096
"""Characters of one line that are redacted before it is cut to `LINE_LIMIT`."""

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"  # titles and links (OSC)
    r"|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"  # colours and cursor movements (CSI)
    r"|\x1b[ -/]{0,8}[0-~]?"
)
_BLANKS = re.compile(r"[^\S ]+")

_NAMED = (
    r"(?:pass(?:word|wd|phrase|code)|(?<![a-z])(?:pwd|pass|dsn|pin)(?![a-z])|secret|credential|token(?!s\b)|api[_-]?key"
    r"|access[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|routing[_-]?key|session[_-]?id"
    r"|signature|(?<![a-z])key(?=[\"']?\s{0,3}=))"
)
_VALUE = (
    r"(?:\\[\"'][^\"'\\]*(?:\\[\"'])?|\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?"
    r"|(?!\[redacted\])[^\s,;&\"'}\])]+)"
)

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # The whole of a header that authenticates, whatever its scheme.
        (r"((?:set-)?cookie[\"']?\s{0,3}:\s{0,3}).+", rf"\1{REDACTED}"),
        (
            r"((?:proxy-)?authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?!\[redacted\])"
            r"(?:(?:bearer|basic|digest|token|apikey)\s+)?[^\s,\"']+",
            rf"\1{REDACTED}",
        ),
        (r"\b(bearer|basic)\s+(?=[^\s]*[\d._=+/-]|[^\s]{20})[A-Za-z0-9._~+/=-]{8,}", rf"\1 {REDACTED}"),
        # Addresses: user:password@host, and a token alone in front of the host.
        (r"(://[^\s:/?#@\[\]]{0,200}:)(?!\d{1,5}(?:[/?#\s]|$)|\[redacted\])[^\s\"'<>]+@", rf"\1{REDACTED}@"),
        (r"(://)(?!\[redacted\])[^\s:/?#@\"']{8,}@", rf"\1{REDACTED}@"),
        (r"(hooks\.slack\.com/(?:services|workflows)/)[\w/-]+", rf"\1{REDACTED}"),
        (r"(discord(?:app)?\.com/api/webhooks/)[\w/-]+", rf"\1{REDACTED}"),
        # Named values: JSON, environment, query strings, YAML, argument lists, SQL.
        (rf"({_NAMED}[\w.-]{{0,40}}\\?[\"']?\s{{0,3}}(?:=>|[:=])\s{{0,3}}){_VALUE}", rf"\1{REDACTED}"),
        (r"(--[\w-]{0,40}(?:password|secret|token|key)\s+)(?!\[redacted\])[^\s-]\S*", rf"\1{REDACTED}"),
        (r"(password\s+(?:(?:is|was)\s+)?)'[^']*'?", rf"\1{REDACTED}"),
        (r"(password\s+(?:is|was)\s+)(?!\[redacted\])[^\s']\S*", rf"\1{REDACTED}"),
        # Known shapes of keys, wherever they stand.
        (r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)*", REDACTED),
        (r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,}", REDACTED),
        (r"\b(?:sk|pk|rk|whsec)[-_][A-Za-z0-9_-]{16,}", REDACTED),
        (
            r"\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bnpm_[A-Za-z0-9]{20,}",
            REDACTED,
        ),
        (r"\bxox[a-z]-[A-Za-z0-9-]{8,}|\bAIza[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}", REDACTED),
        (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*", REDACTED),
    )
)

_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{40,80}\s*")


def printable(text: str) -> str:
    """One line without escape sequences, control characters and characters that reorder or hide text."""
    return "".join(filter(str.isprintable, _BLANKS.sub(" ", _ESCAPES.sub("", text))))


def redact(text: str) -> str:
    """The text with what looks like a secret replaced by `[redacted]`."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def clean(text: str, limit: int = LINE_LIMIT) -> str:
    """One line that may leave an activity: readable, redacted, then cut to `limit` characters."""
    return shorten(redact(printable(text[:_LOOKED_AT])), limit).strip()


def clean_lines(lines: Iterable[bytes]) -> list[str]:
    """Whole lines of a log, readable and redacted, each of at most 4,096 characters, in their order.

    A private key spans lines, so its body is hidden too, also when the log begins in its middle.
    """
    raw = [line[: 4 * _LOOKED_AT].decode("utf-8", errors="replace") for line in lines]
    hidden = _inside_keys(raw)
    return [
        REDACTED if index in hidden else redact(printable(line[:_LOOKED_AT])).rstrip()
        for index, line in enumerate(raw)
    ]


def _inside_keys(lines: list[str]) -> set[int]:
    inside: set[int] = set()
    within = False
    for index, line in enumerate(lines):
        if _KEY_BEGINS.search(line):
            within = not _KEY_ENDS.search(line)
            continue  # redacted on its own, from where the key begins
        if _KEY_ENDS.search(line):
            inside.add(index)
            back = index - 1
            while back >= 0 and back not in inside and _KEY_BODY.fullmatch(lines[back].strip()):
                inside.add(back)
                back -= 1
            within = False
        elif within and _KEY_BODY.search(line):
            inside.add(index)
        else:
            within = False
    return inside


def excerpt(line: str, begin: int, end: int, limit: int = LINE_LIMIT) -> str:
    """At most `limit` characters of the line, those around `begin` to `end`."""
    if end < limit:
        return shorten(line, limit)
    start = max(0, min(begin, end - limit + 2))
    return shorten("…" + line[start:], limit)
