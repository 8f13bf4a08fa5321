"""The name under which the review and the report of one run are kept."""

from __future__ import annotations

import re
from datetime import UTC

from models.incident.report import WriteReport
from models.incident.review import Review

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_PART = 120


def file_name(about: Review | WriteReport) -> str:
    """`ServiceDown-backend-20261123T031502Z-1a2b3c4d`: what, when it began, and which run: the last
    characters of its ID, for the first ones are a time."""
    began = f"{about.began_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{in_a_name(about.incident)}-{began}-{in_a_name(about.run_id[-8:])}"


def in_a_name(text: str) -> str:
    """Safe in a path: no separators, no leading dot, bounded."""
    return _NOT_IN_A_NAME.sub("-", text).strip(".-")[:_LONGEST_PART] or "unnamed"
