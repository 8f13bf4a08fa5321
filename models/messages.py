"""The names of the signals, updates and queries, as the Temporal UI shows them.

The handlers in `workflows` have these names; code outside sends messages by these constants.
"""

from __future__ import annotations

ALERT_CHANGED = "alert_changed"
ACKNOWLEDGE = "acknowledge"
NOTE = "note"
DONE = "done"
DECIDE = "decide"
USE_LINK = "use_link"
PROPOSE = "propose"
INCIDENT_WAITS = "incident_waits"
"""An incident; `decide`, `use_link` and `propose` are updates, the others are signals."""
LINK_USED = "link_used"
"""A query to an incident."""

ASK = "ask"
RELEASE = "release"
DEPLOYED = "deployed"
UNBLOCK = "unblock"
LOOK_AFTER_HOLDER = "look_after_holder"
"""A steward; `ask` is an update, the others are signals."""

SUSPEND = "suspend"
RESUME = "resume"
"""The control room; both are updates."""
ORDER = "order"
"""The same, and maintenance windows, by a signal: it holds although no worker runs yet."""
CONTROL_ROOM_CHANGED = "control_room_changed"
"""A signal to open incidents: what pauses them may have begun or ended."""
RETRY = "retry"
"""A signal to an incident that is escalated."""
CONTROL_ROOM_MEMO = "control_room"
"""In the memo of the control room: its state, which is read without a worker."""

STATE = "state"
"""The query that each of them answers."""

BEGAN_IN = "began_in"
"""In the memo of an incident that goes on in a new run: the run in which it began. That run tells it
apart from earlier and later incidents of its name, however many runs it takes."""
