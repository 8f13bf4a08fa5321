"""What can be said to an incident and to a steward, by the names that the Temporal UI shows."""

from __future__ import annotations

ALERT_CHANGED = "alert_changed"
ACKNOWLEDGE = "acknowledge"
NOTE = "note"
DONE = "done"
UNBLOCK = "unblock"
DECIDE = "decide"
STATE = "state"
