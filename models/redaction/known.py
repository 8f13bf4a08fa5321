"""Hides the secrets that this process has read, in each form in which they are written."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from models.redaction.shapes import REDACTED

_SHORTEST = 8
"""Characters of a secret with a digit or a sign in it: shorter ones would hide evidence."""
_SHORTEST_NAME = 12
"""Characters of a secret that could be a word or a name: `postgres` stands in lines that tell no secret."""
_SHORTEST_ENCODED = 6
"""Characters of a secret that is hidden where it is encoded: nothing else looks like that."""
_NAME = re.compile(r"[^\W\d_]+(?:[-_.][^\W\d_]+)*")


class Form(NamedTuple):
    """One way in which a secret is written."""

    text: str
    alone: bool = False
    """It is hidden where it stands as a word, not inside of one."""

    @property
    def pattern(self) -> str:
        return rf"(?<!\w){re.escape(self.text)}(?!\w)" if self.alone else re.escape(self.text)


class KnownSecrets:
    """What was read as a secret: it is hidden wherever it stands, whatever it looks like."""

    def __init__(self) -> None:
        self._forms: set[Form] = set()
        self._pattern: re.Pattern[str] | None = None
        self.longest = 0
        """Characters of the longest form: what is cut farther away than this hides no part of one."""
        self._one_at_a_time = threading.Lock()

    def remember(self, secret: str) -> None:
        """From now on it is hidden, from any thread. One that is short, or a short word, is not."""
        with self._one_at_a_time:
            new = set(forms(secret)) - self._forms
            if new:
                self._forms |= new
                longest_first = sorted(self._forms, key=lambda form: len(form.text), reverse=True)
                self._pattern = re.compile("|".join(form.pattern for form in longest_first))
                self.longest = len(longest_first[0].text)

    def hide(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text) if self._pattern else text


def forms(secret: str) -> Iterator[Form]:
    """The secret itself, each line of it, and what URLs, JSON, HTML, base64 and hex make of it."""
    for text in _readable(secret):
        is_name = bool(_NAME.fullmatch(text))
        if len(text) >= (_SHORTEST_NAME if is_name else _SHORTEST):
            yield Form(text, alone=is_name)
    if len(secret) >= _SHORTEST_ENCODED:
        yield from map(Form, _encoded(secret.encode()))


def _readable(secret: str) -> Iterator[str]:
    yield secret
    yield from (line for line in secret.splitlines() if len(line) >= 16)
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield html.escape(secret)
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]


def _encoded(raw: bytes) -> Iterator[str]:
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
