"""What the end of a log says about why a service failed, for who was not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from models.evidence.logged import LoggedError
from models.text import shorten

_ERROR = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|PANIC|panic|[A-Z][A-Za-z]*(?:Error|Exception))\b")
_LONGEST = 300


def last_error(lines: Sequence[str], times: Sequence[datetime | None] = ()) -> LoggedError | None:
    """The last line that tells of an error, in the words of the usual log formats; None where none does.

    `times` say when each line was written, where that is known. It is the service's own word, not a
    cause: an application that logs its errors otherwise has none here.
    """
    found = next((place for place in reversed(range(len(lines))) if _ERROR.search(lines[place])), None)
    if found is None:
        return None
    return LoggedError(text=shorten(lines[found].strip(), _LONGEST), at=times[found] if times else None)
