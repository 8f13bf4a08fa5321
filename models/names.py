"""The names that others rely on: task queues, workflow types and workflow IDs.

They are part of the stable interface; `activities` reaches workflows by these constants
and never by importing them.
"""

from __future__ import annotations

TASK_QUEUE = "runbooks"

STEWARD = "Steward"
STEWARD_ASK = "ask"
STEWARD_STATE = "state"
STEWARD_DEPLOYED = "deployed"
CONTROL_ROOM = "ControlRoom"
CONTROL_ROOM_ID = "control-room"
CONTROL_ROOM_SUSPEND = "suspend"
CONTROL_ROOM_RESUME = "resume"
CONTROL_ROOM_STATE = "state"
ANY_ALERT = "AnyAlert"
DATABASE_CONNECTION_FAILURE = "DatabaseConnectionFailure"

RUNBOOKS = ("ServiceDown", "HighErrorRate", DATABASE_CONNECTION_FAILURE, ANY_ALERT)
"""Every runbook that exists, by its workflow type."""

UNKNOWN_SERVICE = "unknown"


def queue_of(host: str | None) -> str:
    """The task queue for effects that must run on `host`; the common one without a host."""
    return f"{TASK_QUEUE}@{host}" if host else TASK_QUEUE


def incident_id(alert: str, service: str) -> str:
    """`ServiceDown/backend`: one open run an alert and service, never a pod or instance."""
    return f"{alert}/{service}"


def steward_id(service: str) -> str:
    """The one writer of a service."""
    return f"steward/{service}"
