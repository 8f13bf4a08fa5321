"""`python -m demo.standins.sentry PORT TOKEN_FILE`: Sentry's list of issues, and a way to report errors.

The list is as its REST API is documented: `GET /api/0/projects/ORG/PROJECT/issues/` with a bearer
token, `query`, `sort=freq` and `limit`. Errors come in at `POST /report`, without the envelopes.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from demo.parts.loopback import LOOPBACK
from demo.standins.answering import Answering, serve

_LIST = re.compile(r"^/api/0/projects/demo/backend/issues/$")
_TRANSACTION = re.compile(r"transaction:\[(.*?)\]")
_FIRST_SEEN = re.compile(r"firstSeen:>=(\S+)")


@dataclass
class Issue:
    """All errors with one title at one place."""

    number: int
    title: str
    culprit: str
    first_seen: datetime
    last_seen: datetime
    count: int = 0

    def shown(self, port: int) -> dict[str, Any]:
        """The documented fields; `count` is a string there too."""
        return {
            "id": str(self.number),
            "shortId": f"BACKEND-{self.number}",
            "title": self.title,
            "culprit": self.culprit,
            "level": "error",
            "status": "unresolved",
            "count": str(self.count),
            "userCount": 0,
            "firstSeen": self.first_seen.isoformat(),
            "lastSeen": self.last_seen.isoformat(),
            "permalink": f"http://{LOOPBACK}:{port}/organizations/demo/issues/{self.number}/",
        }


class Sentry(Answering):
    """One project, `demo/backend`, kept in memory."""

    issues: dict[tuple[str, str], Issue] = {}
    port = 0

    def do_POST(self) -> None:
        said = json.loads(self.heard())
        now = datetime.now(UTC)
        new = Issue(len(self.issues) + 1, said["title"], said["culprit"], now, now)
        issue = self.issues.setdefault((said["title"], said["culprit"]), new)
        issue.last_seen, issue.count = now, issue.count + 1
        self.answer(200, {"id": str(issue.number)})

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {key: values[-1] for key, values in parse_qs(address.query).items()}
        if not _LIST.match(address.path):
            self.answer(404, {"detail": "The requested resource does not exist"})
        elif not self.is_admitted():
            self.answer(401, {"detail": "Invalid token"})
        else:
            self.answer(200, self._found(asked))

    def _found(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        issues = sorted(self.issues.values(), key=lambda issue: -issue.count)
        if since := _FIRST_SEEN.search(asked.get("query", "")):
            after = datetime.fromisoformat(since[1]).replace(tzinfo=UTC)
            issues = [issue for issue in issues if issue.first_seen >= after]
        if named := _TRANSACTION.search(asked.get("query", "")):
            issues = [issue for issue in issues if issue.culprit in json.loads(f"[{named[1]}]")]
        return [issue.shown(self.port) for issue in issues[: int(asked.get("limit", "25"))]]


if __name__ == "__main__":
    Sentry.token = Path(sys.argv[2]).read_text().strip()
    Sentry.port = int(sys.argv[1])
    serve(Sentry.port, Sentry)
