"""What the end of a log says about why a service failed, for who was not there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.text import shorten

_ERROR = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|PANIC|panic|[A-Z][A-Za-z]*(?:Error|Exception))\b")
_LONGEST = 300


def last_error(lines: Sequence[str]) -> str:
    """The last line that tells of an error, in the words of the usual log formats; empty where none does.

    It is the service's own word, not a cause: an application that logs its errors otherwise has none here.
    """
    found = next((line for line in reversed(lines) if _ERROR.search(line)), "")
    return shorten(found.strip(), _LONGEST)
