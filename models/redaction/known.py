"""Hides the secrets that this process has read, in each form in which they are written."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

from models.redaction.shapes import REDACTED

_SHORTEST = 6
"""Shorter secrets would hide ordinary words."""


class KnownSecrets:
    """What was read as a secret: it is hidden wherever it stands, whatever it looks like."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def remember(self, secret: str) -> None:
        """From now on it is hidden. One of fewer than six characters is not."""
        new = {form for form in forms(secret) if len(form) >= _SHORTEST} - self._forms
        if new:
            self._forms |= new
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def hide(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text) if self._pattern else text


def forms(secret: str) -> Iterator[str]:
    """The secret itself, each line of it, and what URLs, JSON, HTML, base64 and hex make of it."""
    yield secret
    if len(secret) < _SHORTEST:
        return
    yield from (line for line in secret.splitlines() if len(line) >= 16)
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield html.escape(secret)
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
    raw = secret.encode()
    yield raw.hex()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield from _inside(raw, encode)


def _inside(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """Base64 of the secret wherever it begins: `Basic` encodes it behind a name."""
    for before in range(3):
        whole = encode(b"\0" * before + raw).decode().rstrip("=")
        begin = (0, 2, 3)[before]
        end = len(whole) if (before + len(raw)) % 3 == 0 else len(whole) - 1
        yield whole[begin:end]


KNOWN = KnownSecrets()
"""What this process has read as secrets."""
