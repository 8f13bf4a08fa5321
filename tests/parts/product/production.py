"""docker-compose.yml as an operator runs it, from an image that needs no registry.

The image holds what the Dockerfile copies, in the places where it copies it, and the directories
that it makes. Python, its packages and the Temporal server are those of this machine, mounted. The
socket proxy is the stand-in of `ruled_socket.py`, started with the very options of the Compose file.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from tests.parts.servers import ruled_socket
from tests.parts.servers.docker_engine import BINDS, PYTHON, compose_binary
from tests.parts.servers.sockets import closed_port

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yml"
RECREATE = ROOT / "deploy/recreate.yml"
OWN_TEMPORAL = ROOT / "deploy/own-temporal.yml"
USER = 10001
OURS = ("temporal", "worker", "intake")
RULES = "docker-rules"
TOKEN = "alertmanager-token-0123456789"
_WITHIN = 120
"""Seconds for one command of Compose."""


def described(*files: Path, **variables: str) -> dict[str, Any]:
    """The project as Compose understands it. Needs no engine."""
    done = _compose(files, ("config", "--format", "json"), variables)
    project: dict[str, Any] = json.loads(done.stdout)
    return project


def rules_of(*files: Path, **variables: str) -> list[str]:
    """The options of the socket proxy."""
    return list(described(*files, **variables)["services"][RULES]["command"])


def copied() -> Iterator[tuple[Path, str]]:
    """What the Dockerfile copies from this repository, and where to under its working directory."""
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line and "lock" not in line:
            *sources, target = line.split()[1:]
            for pattern in sources:
                for path in sorted(ROOT.glob(pattern)):
                    yield path, path.name if target == "./" else target


class Production:
    """One running project. Everything of it has a name that nobody else uses."""

    def __init__(
        self, directory: Path, client: docker.DockerClient, configuration: Mapping[str, Any]
    ) -> None:
        self.name = f"runbooks-{secrets.token_hex(4)}"
        self.intake_port, self.temporal_port, self.ui_port = closed_port(), closed_port(), closed_port()
        self._client = client
        self._image = f"{self.name}:1"
        self._override = directory / "override.json"
        self._etc = directory / "etc"
        self._override.write_text(json.dumps({"services": _stand_ins()}))
        token = self._etc / "secrets/intake-token"
        token.parent.mkdir(parents=True)
        token.write_text(f"{TOKEN}\n")
        (self._etc / "runbooks.yaml").write_text(json.dumps(configuration))
        for path, mode in ((self._etc, 0o755), (token.parent, 0o700), (token, 0o444)):
            path.chmod(mode)

    @property
    def temporal(self) -> str:
        return f"127.0.0.1:{self.temporal_port}"

    @property
    def intake(self) -> str:
        return f"http://127.0.0.1:{self.intake_port}"

    async def up(self) -> None:
        """Returns when Temporal and the intake are healthy, as their own health checks say."""
        await self.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "90")

    async def compose(self, *arguments: str) -> str:
        command = ("--project-name", self.name, *arguments)
        files = (FILE, self._override)
        done = await asyncio.to_thread(_compose, files, command, self._variables())
        return done.stdout

    def container(self, service: str) -> Container:
        return self._client.containers.get(f"{self.name}-{service}-1")

    def log(self, service: str) -> str:
        return bytes(self.container(service).logs()).decode(errors="replace")

    def build(self) -> None:
        repository, _, tag = self._image.partition(":")
        self._client.api.import_image_from_data(_tree(), repository=repository, tag=tag)

    async def remove(self) -> None:
        """The project with its data, and the image."""
        try:
            await self.compose("down", "--timeout", "5", "--volumes", "--remove-orphans")
        finally:
            with suppress(NotFound):
                self._client.images.remove(self._image, force=True)

    def _variables(self) -> dict[str, str]:
        return {
            "RUNBOOKS_IMAGE": self._image,
            "RUNBOOKS_ETC": str(self._etc),
            "RUNBOOKS_ALERTS_NETWORK": f"{self.name}-alerts",
            "RUNBOOKS_INTAKE_PORT": str(self.intake_port),
            "RUNBOOKS_TEMPORAL_PORT": str(self.temporal_port),
            "RUNBOOKS_TEMPORAL_UI_PORT": str(self.ui_port),
            "DOCKER_GID": str(Path("/var/run/docker.sock").stat().st_gid),
        }


@asynccontextmanager
async def production(
    directory: Path, client: docker.DockerClient, configuration: Mapping[str, Any]
) -> AsyncIterator[Production]:
    """The project, up and healthy; removed on the way out, and its last words shown if it failed."""
    made = Production(directory, client, configuration)
    await asyncio.to_thread(made.build)
    try:
        await made.up()
        yield made
    finally:
        said = await made.compose("logs", "--no-color", "--tail", "20")
        print("\n".join(line[:300] for line in said.splitlines()))
        await made.remove()


def _stand_ins() -> dict[str, Any]:
    """What differs from production: where Python comes from, and who reads the proxy's options."""
    virtual = Path(sys.prefix)
    mounted = [*BINDS, f"{virtual}:{virtual}:ro"]
    ours = {
        "pull_policy": "never",
        "volumes": mounted,
        "working_dir": "/app",
        "environment": {
            "PATH": f"{virtual}/bin:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "RUNBOOKS_CONFIG": "/etc/runbooks/runbooks.yaml",
        },
    }
    proxy = {
        "image": "${RUNBOOKS_IMAGE}",
        "pull_policy": "never",
        "entrypoint": [PYTHON, "/ruled_socket.py"],
        "volumes": [*mounted, f"{ruled_socket.__file__}:/ruled_socket.py:ro"],
        "healthcheck": {"disable": True},
    }
    soon = {"healthcheck": {"interval": "1s"}}
    return {"temporal": ours | soon, "intake": ours | soon, "worker": ours, RULES: proxy}


def _tree() -> bytes:
    """A tar of what the Dockerfile copies, and of the directories that it makes for its user."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in (
            "app",
            "app/var",
            "app/var/reviews",
            "app/var/checks",
            "app/var/store",
            "var",
            "var/lib",
            "var/lib/temporal",
            "etc",
        ):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            owned = name.startswith("app/var") or name.endswith("temporal")
            directory.uid = directory.gid = USER if owned else 0
            tar.addfile(directory)
        for path, target in copied():
            tar.add(path, f"app/{target}", filter=_without_leftovers)
    return archive.getvalue()


def _without_leftovers(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry


def _compose(
    files: tuple[Path, ...], arguments: tuple[str, ...], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    command = [compose_binary(), "--env-file", "/dev/null", "--project-directory", str(ROOT)]
    command += [word for file in files for word in ("--file", str(file))]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    done = subprocess.run(
        [*command, *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    assert done.returncode == 0, f"docker-compose {' '.join(arguments)}: {done.stderr[-2000:]}"
    return done
