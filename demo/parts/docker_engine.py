"""The Docker engine: whether one answers, and an image of this machine's own programs.

No registry is asked: the image is an empty tree, and containers see the host's `/usr` and
Python read-only. That works only with an engine on this machine, so it is tried before use.
"""

from __future__ import annotations

import io
import os
import secrets
import socket
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import docker
from docker.errors import ContainerError, DockerException, NotFound
from requests.exceptions import RequestException

from demo.parts.loopback import LOOPBACK
from demo.parts.postgres_programs import postgres_program
from demo.systems.backend import ROOT

ANSWER_WITHIN = 20
"""Seconds for one request to the engine."""

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
_PROBE = """
import demo.backend, os, socket, sys
os.stat(sys.argv[2])
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
"""
"""It finds our file and our port. An engine on another machine, or in another network, does not."""
_ETC = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ssl", "localtime", "alternatives")


@contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """A client of the engine that `DOCKER_HOST` names; `DockerException` when none answers."""
    _knock()
    client = docker.from_env(timeout=ANSWER_WITHIN)
    try:
        yield client
    finally:
        client.close()


def _knock() -> None:
    """Touch a unix socket before the SDK does, which leaves its own behind when it cannot connect."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://"):
        try:
            with socket.socket(socket.AF_UNIX) as knocking:
                knocking.connect(host.removeprefix("unix://"))
        except OSError as error:
            raise DockerException(f"{host}: {error.strerror or error}") from error


def host_mounts() -> list[str]:
    """Directories and files of this machine that a container needs to run our Python and PostgreSQL."""
    system = [path for path in map(Path, _SYSTEM) if path.is_dir() and not path.is_symlink()]
    etc = [Path("/etc", name) for name in _ETC]
    ours = [
        Path(sys.base_prefix),
        Path(sys.prefix),
        ROOT / "demo",
        Path(postgres_program("postgres")).parents[1],
    ]
    wanted = [*system, *(path for path in [*etc, *ours] if path.exists())]
    covered = [path for path in wanted if not any(parent in wanted for parent in path.parents)]
    return [str(path) for path in dict.fromkeys(covered)]


def why_not_usable() -> str:
    """Empty when an engine answers, can run our Python from our files and shares our loopback; else why not.

    The probe runs one container of about half a second, and removes it and its image.
    """
    image = HostImage(f"runbooks-demo-probe-{secrets.token_hex(4)}:1")
    try:
        with engine() as client:
            client.ping()
    except (DockerException, RequestException) as error:
        return f"no Docker engine answers ({_last_line(error)})"
    try:
        image.build()
        try:
            with socket.create_server((LOOPBACK, 0)) as ours, tempfile.NamedTemporaryFile() as file:
                port = str(ours.getsockname()[1])
                image.run([sys.executable, "-c", _PROBE, port, file.name], seeing=Path(file.name))
        finally:
            image.remove()
    except (DockerException, RequestException) as error:
        return f"the Docker engine cannot run this machine's Python beside us: {_last_line(error)}"
    return ""


def _last_line(error: Exception) -> str:
    """What it says in one line: of a Python that failed in a container, the error without its traceback."""
    said = cast("bytes | None", error.stderr) if isinstance(error, ContainerError) else None
    lines = (said.decode(errors="replace") if said else str(error)).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


class HostImage:
    """An image that holds nothing but mount points, and as `APP_VERSION` its tag."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self) -> None:
        repository, tag = self.name.split(":")
        with engine() as client:
            client.api.import_image_from_data(
                _empty_tree(), repository=repository, tag=tag, changes=[f"ENV APP_VERSION={tag}"]
            )

    def remove(self) -> None:
        """Remove it; that it is gone already is fine."""
        with engine() as client, suppress(NotFound):
            client.images.remove(self.name, force=True)

    def run(self, argv: list[str], *, seeing: Path) -> str:
        """Run one command in a container that sees our files, and `seeing`; answer with its output."""
        volumes = [f"{path}:{path}:ro" for path in (*host_mounts(), seeing)]
        environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        with engine() as client:
            output = client.containers.run(
                self.name, argv, volumes=volumes, environment=environment, network_mode="host", remove=True
            )
        return bytes(output).decode(errors="replace")


def _empty_tree() -> bytes:
    """A tar of the directories that must exist, and of this machine's links such as `/lib`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("etc", "tmp", "proc", "sys", "dev", "var"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(directory)
        for path in map(Path, _SYSTEM):
            if path.is_symlink():
                link = tarfile.TarInfo(path.name)
                link.type, link.linkname = tarfile.SYMTYPE, str(path.readlink())
                tar.addfile(link)
    return buffer.getvalue()
