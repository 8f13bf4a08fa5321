"""The names that others rely on: task queues, workflow types and workflow IDs.

They are part of the stable interface; `activities` reaches workflows by these constants
and never by importing them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

TASK_QUEUE = "runbooks"

AlertName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$")]
ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class Severity(StrEnum):
    """How soon somebody must respond: 5 minutes, 30 minutes or 4 hours by default."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return list(Severity).index(self)


SEVERITY_WORDS = {
    "page": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "warn": Severity.WARNING,
    "information": Severity.INFO,
    "none": Severity.INFO,
}
"""What the `severity` label of other people's alerts says."""


def severity_said(labels: Mapping[str, str]) -> Severity:
    """The severity in an alert's labels; warning without one that is known."""
    said = labels.get("severity", "").strip().lower()
    return Severity(said) if said in set(Severity) else SEVERITY_WORDS.get(said, Severity.WARNING)


STEWARD = "Steward"
CONTROL_ROOM = "ControlRoom"
CONTROL_ROOM_ID = "control-room"
STATUS = "Status"
DOCTOR = "Doctor"
SIGNED_OUT = "SignedOut"
SIGNED_OUT_ID = "signed-out"
ANY_ALERT = "AnyAlert"
CONFIGURED_ANSWER = "ConfiguredAnswer"
NO_ALERTS = (ANY_ALERT, CONFIGURED_ANSWER)
"""Workflow types that are named as no alert: theirs have other names."""
SERVICE_DOWN = "ServiceDown"
DATABASE_CONNECTION_FAILURE = "DatabaseConnectionFailure"
NO_PRODUCTS_SYNCED = "NoProductsSynced"
NO_VIDEOS_GENERATED = "NoVideosGenerated"

WORKFLOW_STUCK = "WorkflowStuck"
"""The product's own alert: a run of it cannot go on."""

UNKNOWN_SERVICE = "unknown"

CHECK = "check"
"""The IDs of the checks and of their schedules begin with it."""

RESERVED = ("steward", CHECK, CONTROL_ROOM_ID, SIGNED_OUT_ID)
"""The product's own workflow IDs begin with these; an alert of that name gets another ID."""


_FITS: TypeAdapter[str] = TypeAdapter(AlertName)
_UNFIT = re.compile(r"[^A-Za-z0-9_.:-]")
_LONGEST_SLUG = 118
"""A name in an ID has 128 characters; a `_`, a hyphen and the digits of a hash go with the slug."""


def alert_name(called: str) -> str:
    """The alert's name as it stands in an incident's ID. A name that is valid there stays as it is.

    Any other gets a similar one with a hash, always the same. Raises ValueError for an empty name.
    """
    if not called:
        raise ValueError("an alert must have a name")
    try:
        name = _FITS.validate_python(called)
    except ValidationError:
        name = ""
    if name and name not in RESERVED:
        return name
    slug = _UNFIT.sub("_", called)[:_LONGEST_SLUG]
    fits = (slug[0].isalpha() or slug[0] == "_") and slug not in RESERVED
    digits = hashlib.sha256(called.encode(errors="backslashreplace")).hexdigest()[:8]
    return f"{'' if fits else '_'}{slug}-{digits}"


def queue_of(host: str | None) -> str:
    """The task queue for activities that must run on `host`; the common one without a host."""
    return f"{TASK_QUEUE}@{host}" if host else TASK_QUEUE


def verification_queue_of(host: str | None) -> str:
    """The task queue for verifications, which run for long: they take no slot from anything else."""
    return queue_of(host).replace(TASK_QUEUE, f"{TASK_QUEUE}-verifications", 1)


DRY_RUN = "@dry-run"
"""The ID of an incident that was asked to be a dry run ends with it: it is never in the way of a real one."""


def incident_id(alert: str, service: str, *, dry_run: bool = False) -> str:
    """`ServiceDown/backend`: one open run an alert and service, never a pod or instance."""
    return f"{alert}/{service}{DRY_RUN if dry_run else ''}"


def steward_id(service: str, *, dry_run: bool = False) -> str:
    """The one writer of a service; for dry runs another one, which writes nothing and holds nobody up."""
    return f"steward/{service}{DRY_RUN if dry_run else ''}"


def check_id(check: str) -> str:
    """`check/daily`: the ID of a check's schedule. The run of a schedule has its time behind it."""
    return f"{CHECK}/{check}"


def signed_out_id(session: str) -> str:
    """Of a session that was ended, by what tells it from others; nothing of it can be read from the ID."""
    return f"{SIGNED_OUT_ID}/{hashlib.sha256(session.encode()).hexdigest()[:32]}"
