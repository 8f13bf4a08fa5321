"""The names of the signals, updates and queries, as the Temporal UI shows them.

The handlers in `workflows` have these names; code outside sends messages by these constants.
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

BEGAN_IN = "began_in"
"""In the memo of an incident that goes on in a new run: the run in which it began. That run tells it
apart from earlier and later incidents of its name, however many runs it takes."""
