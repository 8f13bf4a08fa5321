"""What incidents, stewards and the control room are told and asked, by the names that the Temporal UI shows.

The handlers in `workflows` have these names; whoever sends a message from outside takes them from here.
"""

from __future__ import annotations

ALERT_CHANGED = "alert_changed"
ACKNOWLEDGE = "acknowledge"
NOTE = "note"
DONE = "done"
DECIDE = "decide"
INCIDENT_WAITS = "incident_waits"
"""An incident; `decide` is an update, the others are signals."""

ASK = "ask"
DEPLOYED = "deployed"
UNBLOCK = "unblock"
"""A steward; `ask` is an update, the others are signals."""

SUSPEND = "suspend"
RESUME = "resume"
"""The control room; both are updates."""

STATE = "state"
"""The query that each of them answers."""
