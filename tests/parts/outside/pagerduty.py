"""PagerDuty's Events API v2 as it behaves: what has the key of an open incident is merged into that one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from werkzeug import Request, Response

ACCEPTED = 202


@dataclass
class PagerDuty:
    """Answers events; remembers who was woken, and which incidents are open."""

    woken: list[str] = field(default_factory=list)
    """The integration key of each incident that was opened, whose people were notified."""
    open: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """By integration key and deduplication key the summaries of the incident's alerts."""

    def answer(self, request: Request) -> Response:
        """For a handler of an HTTP server."""
        event = request.get_json()
        key, dedup = event["routing_key"], event["dedup_key"]
        if len(dedup) > 255 or event["event_action"] not in ("trigger", "acknowledge", "resolve"):
            return Response(json.dumps({"status": "invalid event"}), 400)
        if event["event_action"] == "trigger":
            if (key, dedup) not in self.open:
                self.woken.append(key)
            self.open.setdefault((key, dedup), []).append(event["payload"]["summary"])
        elif event["event_action"] == "resolve":
            self.open.pop((key, dedup), None)
        said = {"status": "success", "message": "Event processed", "dedup_key": dedup}
        return Response(json.dumps(said), ACCEPTED, content_type="application/json")
