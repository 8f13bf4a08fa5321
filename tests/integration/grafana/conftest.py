"""The stand-in of Grafana as a process of its own, a repository with a bare remote, and a look."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.grafana.backup import DashboardActivities
from demo.parts.loopback import free_port
from models.checks.item import ItemResult
from models.configuration.grafana import DashboardBackup
from models.service.secret import SecretRef

ROOT = Path(__file__).parents[3]
TOKEN = "glsa_0123456789abcdefABCDEF0123456789_01234567"


@dataclass
class Grafana:
    """The stand-in: what a person does there."""

    url: str
    client: httpx.Client

    def save(self, uid: str, title: str = "", folder: str = "", **content: Any) -> None:
        dashboard = {"uid": uid, "title": title or uid, "panels": [], "schemaVersion": 39, **content}
        self._post("/api/dashboards/db", {"dashboard": dashboard, "folderUid": folder, "overwrite": True})

    def folder(self, uid: str) -> None:
        self._post("/api/folders", {"uid": uid, "title": uid.title()})

    def delete(self, uid: str) -> None:
        self.client.delete(f"/api/dashboards/uid/{uid}").raise_for_status()

    @property
    def annotations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/api/annotations").json()
        return found

    def clear(self) -> None:
        for one in self.annotations:
            self.client.delete(f"/api/annotations/{one['id']}").raise_for_status()
        for one in self.client.get("/api/search", params={"limit": 5000}).json():
            self.delete(one["uid"])

    def _post(self, path: str, content: dict[str, Any]) -> None:
        self.client.post(path, json=content).raise_for_status()


@pytest.fixture(scope="session")
def grafana_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grafana]:
    token = tmp_path_factory.mktemp("grafana") / "token"
    token.write_text(TOKEN)
    url, headers = f"http://127.0.0.1:{free_port()}", {"Authorization": f"Bearer {TOKEN}"}
    client = httpx.Client(base_url=url, headers=headers, trust_env=False)
    command = [sys.executable, "-m", "demo.standins.grafana", url.rpartition(":")[2], str(token)]
    process = subprocess.Popen(command, cwd=ROOT)
    until = time.monotonic() + 20
    try:
        while True:
            try:
                client.get("/api/health").raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < until
                time.sleep(0.05)  # between two looks of a bounded wait
        yield Grafana(url, client)
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def grafana(grafana_server: Grafana) -> Grafana:
    grafana_server.clear()
    return grafana_server


def git(where: Path, *arguments: str, check: bool = True) -> str:
    """Git as a person runs it, without the settings of the user who runs the tests."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(where),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{role}_{key}": "ada@example.com"
            for role in ("AUTHOR", "COMMITTER")
            for key in ("NAME", "EMAIL")
        },
    }
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=check)
    return done.stdout.strip()


@dataclass
class Repository:
    """A working tree and its bare remote."""

    path: Path
    remote: Path

    def __call__(self, *arguments: str) -> str:
        return git(self.path, *arguments)

    @property
    def commits(self) -> int:
        return int(self("rev-list", "--count", "--all"))

    def files(self, where: str = "HEAD") -> list[str]:
        return self("ls-tree", "-r", "--name-only", where).splitlines()

    def pushed(self) -> str:
        return git(self.remote, "rev-parse", "--verify", "--quiet", "main", check=False)

    def colleague(self, name: str = "their.md") -> None:
        """Somebody else pushes a commit."""
        clone = self.path.parent / f"colleague-{name}"
        git(self.path.parent, "clone", "-q", "-b", "main", str(self.remote), str(clone))
        (clone / name).write_text("theirs\n")
        git(clone, "add", name)
        git(clone, "commit", "-qm", "a colleague's commit")
        git(clone, "push", "-q", "origin", "main")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    path, remote = tmp_path / "work", tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(remote))
    git(tmp_path, "init", "-q", "-b", "main", str(path))
    git(path, "remote", "add", "origin", str(remote))
    return Repository(path, remote)


Look = Callable[..., Any]


@pytest.fixture
async def back_up(grafana: Grafana, repository: Repository, tmp_path: Path) -> AsyncIterator[Look]:
    """Run the activity; its settings may be overruled."""
    token = tmp_path / "token"
    token.write_text(TOKEN)

    async def run(**more: Any) -> ItemResult:
        usual = {"url": grafana.url, "token": SecretRef(file=str(token)), "repository": str(repository.path)}
        settings = DashboardBackup(**{**usual, "remote": "origin", **more})
        found: ItemResult = await ActivityEnvironment().run(
            DashboardActivities(client).back_up_dashboards, settings
        )
        assert TOKEN not in found.model_dump_json()
        return found

    async with httpx.AsyncClient(trust_env=False) as client:
        yield run
