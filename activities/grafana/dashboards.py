"""All dashboards of a Grafana, by its HTTP API, as files that change only when a person changed them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from activities.grafana.secrets import without_secrets
from activities.support.http import Answer, NoAnswer, ask
from activities.support.redaction import clean
from models.base import in_bytes
from models.configuration.grafana import DashboardBackup

PAGE = 500
MOST = 3000
AT_ONCE = 4
LIST_LIMIT = 4 * 2**20
DASHBOARD_LIMIT = 16 * 2**20
IN_ALL_LIMIT = 2**30
"""Bytes of all files of an export: they stand on the disk of the worker until they are committed."""
WITHIN = timedelta(seconds=20)
"""For one request."""

GENERAL = "general"
"""The folder of dashboards that are in none."""
_CHANGES_BY_ITSELF = ("id", "version", "iteration")
_WRITTEN_OUT, _BEGIN = 90, 50
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class NotListed(Exception):
    """Grafana cannot be read, in one sentence with the cure."""


class _Found(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    uid: str = Field(min_length=1, max_length=200)
    title: str = ""
    folder: str = Field(default="", alias="folderUid")


class _Meta(BaseModel):
    folderUid: str | None = None


class _Whole(BaseModel):
    dashboard: dict[str, Any]
    meta: _Meta = _Meta()


_LIST = TypeAdapter(list[_Found])


@dataclass
class Exported:
    """The files that were written, by their path under the folder; and what could not be had."""

    titles: dict[str, str] = field(default_factory=dict)
    """Path to title."""
    failed: dict[str, str] = field(default_factory=dict)
    """UID to the reason."""
    size: int = 0
    """Bytes of all files."""
    whole: bool = True
    """Whether the list was had to its end: only then is what it lacks deleted."""


class Grafana:
    """Reads dashboards with one shared HTTP client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def export(self, settings: DashboardBackup, token: str, directory: Path) -> Exported:
        """Write every dashboard under `directory`. Raises `NotListed` when there is not even a list."""
        found, whole = await self._list(settings, token)
        exported, some = Exported(whole=whole), asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(
            *(self._one(settings, token, one, directory, exported, some) for one in found.values())
        )
        return exported

    async def _list(self, settings: DashboardBackup, token: str) -> tuple[dict[str, _Found], bool]:
        """By UID; and whether it is all of them. It is asked on until a page has nothing new."""
        found: dict[str, _Found] = {}
        page = 0
        while len(found) < MOST:
            page += 1
            query = {"type": "dash-db", "limit": str(PAGE), "page": str(page)}
            try:
                answer = await self._get(settings, token, "/api/search", LIST_LIMIT, query)
            except NoAnswer as no_answer:
                raise NotListed(f"Grafana cannot be asked: {no_answer.reason}") from None
            listed = _listed(settings, answer)
            new = {one.uid: one for one in listed if one.uid not in found}
            found |= new
            if not new:
                # A server that knows no pages gives the first again; a full one is then not all.
                return found, not listed or len(found) < PAGE
        return found, False

    async def _one(
        self,
        settings: DashboardBackup,
        token: str,
        one: _Found,
        directory: Path,
        exported: Exported,
        some: asyncio.Semaphore,
    ) -> None:
        async with some:
            try:
                path = f"/api/dashboards/uid/{quote(one.uid, safe='')}"
                answer = await self._get(settings, token, path, DASHBOARD_LIMIT)
                if answer.status == 404:
                    return  # it was deleted meanwhile
                whole = _Whole.model_validate_json(answer.whole(settings.url))
            except NoAnswer as no_answer:
                exported.failed[one.uid] = no_answer.reason
                return
            except NotListed as why:
                exported.failed[one.uid] = str(why)
                return
            except ValidationError:
                exported.failed[one.uid] = "its answer is no dashboard"
                return
            name = f"{file_of(whole.meta.folderUid or one.folder or GENERAL)}/{file_of(one.uid)}.json"
            content = (await asyncio.to_thread(as_text, whole.dashboard)).encode()
            if exported.size + len(content) > IN_ALL_LIMIT:
                exported.failed[one.uid] = f"all dashboards together have more than {in_bytes(IN_ALL_LIMIT)}"
                return
            exported.size += len(content)
            target = directory / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
            exported.titles[name] = clean(one.title, 100) or one.uid

    async def _get(
        self,
        settings: DashboardBackup,
        token: str,
        path: str,
        limit: int,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        url = f"{settings.url.rstrip('/')}{path}"
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return await ask(self._client, url, within=WITHIN, limit=limit, params=query, headers=headers)


def as_text(dashboard: dict[str, Any]) -> str:
    """Sorted keys, without what changes by itself and without secrets: the same whenever it is the same."""
    kept = {key: value for key, value in dashboard.items() if key not in _CHANGES_BY_ITSELF}
    content = without_secrets(_named_panels(kept))
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _named_panels(value: Any) -> Any:
    """Of a library panel its name: its content is not this dashboard's, and changes without it."""
    if isinstance(value, list):
        return [_named_panels(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: one[name] for name in ("name", "uid") if name in one}
        if key == "libraryPanel" and isinstance(one, dict)
        else _named_panels(one)
        for key, one in value.items()
    }


def _listed(settings: DashboardBackup, answer: Answer) -> list[_Found]:
    if answer.status in (401, 403):
        raise NotListed(
            f"Grafana refuses the token in {settings.token} ({answer.status}): make a service account with "
            "the role Viewer, and write a token of it there"
        )
    if answer.status in (301, 302, 303, 307, 308):
        raise NotListed(
            f"{settings.url} leads elsewhere ({answer.status}): write the address of Grafana itself"
        )
    if answer.status == 429:
        raise NotListed("Grafana limits our requests: run the check again later")
    try:
        return _LIST.validate_json(answer.whole(f"{settings.url.rstrip('/')}/api/search"))
    except NoAnswer as no_answer:
        raise NotListed(f"Grafana cannot be asked: {no_answer.reason}") from None
    except ValidationError:
        raise NotListed(
            f"the answer at {settings.url} is not that of Grafana: write its own address, with its path if "
            "it has one, and not that of a login before it"
        ) from None


def file_of(name: str) -> str:
    """A file name of a UID, which may say anything: what is no plain name is written by its bytes."""
    if _SAFE.fullmatch(name):
        return name
    written = name.encode("utf-8")
    if len(written) <= _WRITTEN_OUT:
        return "%" + written.hex()
    return f"%{written[:_BEGIN].hex()}-{sha256(written).hexdigest()}"  # two that begin alike are two files
