"""`python -m demo.standins.grafana PORT TOKEN_FILE`: the parts of Grafana's HTTP API that are about
dashboards and annotations.

As it is documented: `GET /api/search` (`type`, `query`, `limit`, `page`), `GET` and `DELETE
/api/dashboards/uid/UID`, `POST /api/dashboards/db`, `POST /api/folders`, `GET /api/health`, `GET`
(`tags`, `limit`) and `POST /api/annotations`, `DELETE /api/annotations/ID`; with a bearer token.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from demo.standins.answering import Answering, serve

USUAL_LIMIT, LARGEST_LIMIT = 1000, 5000
_ONE = re.compile(r"^/api/dashboards/uid/([^/]+)$")


@dataclass
class Dashboard:
    """One dashboard as it was last saved."""

    number: int
    content: dict[str, Any]
    folder: str
    version: int = 1

    @property
    def uid(self) -> str:
        return str(self.content["uid"])

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", str(self.content.get("title", "")).lower()).strip("-")


class Grafana(Answering):
    """One organization, kept in memory."""

    dashboards: dict[str, Dashboard] = {}
    folders: dict[str, str] = {}
    annotations: dict[int, dict[str, Any]] = {}

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {key: values[-1] for key, values in parse_qs(address.query).items()}
        if address.path == "/api/health":
            self.answer(200, {"database": "ok", "version": "11.0.0"})
        elif not self.is_admitted():
            self.answer(401, {"message": "Unauthorized"})
        elif address.path == "/api/search":
            self.answer(200, self._found(asked))
        elif address.path == "/api/annotations":
            self.answer(200, self._annotated(parse_qs(address.query)))
        elif one := self._named(address.path):
            self.answer(200, self._shown(one))
        else:
            self.answer(404, {"message": "Dashboard not found", "status": "not-found"})

    def do_POST(self) -> None:
        said = json.loads(self.heard() or b"{}")
        if not self.is_admitted():
            self.answer(401, {"message": "Unauthorized"})
        elif self.path == "/api/folders":
            uid = said.get("uid") or secrets.token_hex(7)
            self.folders[uid] = said["title"]
            self.answer(200, {"uid": uid, "title": said["title"]})
        elif self.path == "/api/dashboards/db":
            self._save(said)
        elif self.path == "/api/annotations":
            self._annotate(said)
        else:
            self.answer(404, {"message": "Not found"})

    def do_DELETE(self) -> None:
        if not self.is_admitted():
            self.answer(401, {"message": "Unauthorized"})
        elif self.path.startswith("/api/annotations/"):
            self.annotations.pop(int(self.path.rpartition("/")[2]), None)
            self.answer(200, {"message": "Annotation deleted"})
        elif one := self._named(self.path):
            del self.dashboards[one.uid]
            self.answer(200, {"title": one.content.get("title"), "message": "Dashboard deleted"})
        else:
            self.answer(404, {"message": "Dashboard not found", "status": "not-found"})

    def _named(self, path: str) -> Dashboard | None:
        match = _ONE.match(path)
        return self.dashboards.get(unquote(match[1])) if match else None

    def _found(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        limit = min(int(asked.get("limit", USUAL_LIMIT)), LARGEST_LIMIT)
        begin = (max(1, int(asked.get("page", "1"))) - 1) * limit
        wanted = asked.get("query", "").lower()
        found = sorted(self.dashboards.values(), key=lambda one: str(one.content.get("title", "")))
        found = [one for one in found if wanted in str(one.content.get("title", "")).lower()]
        return [self._listed(one) for one in found[begin : begin + limit]]

    def _annotated(self, asked: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Those with all of the tags, the newest first."""
        wanted, limit = set(asked.get("tags", ())), int(asked.get("limit", ["100"])[-1])
        found = [one for one in self.annotations.values() if wanted <= set(one["tags"])]
        return sorted(found, key=lambda one: -one["timeEnd"])[:limit]

    def _annotate(self, said: dict[str, Any]) -> None:
        if not said.get("text"):
            self.answer(400, {"message": "Failed to save annotation"})
            return
        number, begins = max(self.annotations, default=0) + 1, int(said["time"])
        known = {"dashboardUID": "", "tags": [], **said, "id": number}
        self.annotations[number] = {**known, "timeEnd": int(said.get("timeEnd", begins))}
        self.answer(200, {"message": "Annotation added", "id": number})

    def _listed(self, one: Dashboard) -> dict[str, Any]:
        folder = {"folderUid": one.folder, "folderTitle": self.folders[one.folder]} if one.folder else {}
        return {
            "id": one.number,
            "uid": one.uid,
            "title": one.content.get("title", ""),
            "url": f"/d/{one.uid}/{one.slug}",
            "type": "dash-db",
            "tags": one.content.get("tags", []),
            "isStarred": False,
            **folder,
        }

    def _shown(self, one: Dashboard) -> dict[str, Any]:
        meta = {
            "type": "db",
            "slug": one.slug,
            "version": one.version,
            "folderUid": one.folder,
            "folderTitle": self.folders.get(one.folder, "Dashboards"),
            "provisioned": False,
        }
        return {"meta": meta, "dashboard": {**one.content, "id": one.number, "version": one.version}}

    def _save(self, said: dict[str, Any]) -> None:
        """A dashboard that exists is only saved over with `overwrite`, or with its newest version."""
        content = dict(said["dashboard"])
        uid = content.setdefault("uid", None) or secrets.token_hex(7)
        content["uid"], folder = uid, said.get("folderUid", "")
        before = self.dashboards.get(uid)
        if folder and folder not in self.folders:
            self.answer(400, {"message": "folder not found"})
            return
        if before and not said.get("overwrite") and content.get("version") != before.version:
            self.answer(
                412,
                {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"},
            )
            return
        number = (
            before.number if before else 1 + max((one.number for one in self.dashboards.values()), default=0)
        )
        saved = Dashboard(number, content, folder, before.version + 1 if before else 1)
        self.dashboards[uid] = saved
        url = f"/d/{uid}/{saved.slug}"
        told = {"id": number, "uid": uid, "url": url, "status": "success", "version": saved.version}
        self.answer(200, told)


if __name__ == "__main__":
    Grafana.token = Path(sys.argv[2]).read_text().strip()
    serve(int(sys.argv[1]), Grafana)
