"""Discord's webhooks as they are documented: a message is executed, and edited by its own webhook.

See "Webhook Resource": without `wait` the answer is 204 and empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request, Response

PATH = "/api/webhooks/1100000000000000001/s3cretS3cretS3cretS3cret"
_LONGEST = 2000
_ONE = re.compile(rf"{PATH}/messages/(\d+)")
Answer = Callable[[], Response]


@dataclass
class Discord:
    """One channel with one webhook."""

    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """As they stand now, in the order in which they came."""
    calls: list[str] = field(default_factory=list)
    before: list[Answer | None] = field(default_factory=list)
    """What the next calls are answered, without being done; None for as usual."""
    after: list[Answer | None] = field(default_factory=list)
    """What the next calls are answered, after they were done."""

    @property
    def contents(self) -> list[str]:
        return [str(one["content"]) for one in self.messages.values()]

    def answer(self, request: Request) -> Response:
        """For a handler of an HTTP server."""
        self.calls.append(request.method)
        if self.before and (instead := self.before.pop(0)):
            return instead()
        done = self._done(request)
        if self.after and (instead := self.after.pop(0)):
            return instead()
        return done

    def _done(self, request: Request) -> Response:
        said = request.get_json()
        edits = _ONE.fullmatch(request.path)
        if request.method == "PATCH" and edits:
            if edits[1] not in self.messages:
                return _refused(404, 10008, "Unknown Message")
        elif request.method != "POST" or request.path != PATH:
            return _refused(404, 10015, "Unknown Webhook")
        if not 0 < len(said.get("content", "")) <= _LONGEST:
            return _refused(400, 50035, "Invalid Form Body")
        if said.get("allowed_mentions") != {"parse": []}:
            return _refused(400, 50035, "it would mention somebody")
        number = edits[1] if edits else str(1200000000000000000 + len(self.calls))
        self.messages[number] = said
        if edits or request.args.get("wait") == "true":
            return _json(200, {"id": number, "type": 0, "content": said["content"]})
        return Response("", 204)


def limited() -> Response:
    """429, as Discord says it."""
    return _json(429, {"message": "You are being rate limited.", "retry_after": 0.3, "global": False})


def _refused(status: int, code: int, says: str) -> Response:
    return _json(status, {"message": says, "code": code})


def _json(status: int, content: object) -> Response:

    return Response(json.dumps(content), status, content_type="application/json")
