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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from demo.systems.backend import ROOT

ANSWER_WITHIN = 20
"""Seconds for one request to the engine."""

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
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
            raise DockerException(f"{host}: {error.strerror}") from error


def host_mounts() -> list[str]:
    """Directories and files of this machine that a container needs to run our Python and PostgreSQL."""
    system = [path for path in map(Path, _SYSTEM) if path.is_dir() and not path.is_symlink()]
    etc = [Path("/etc", name) for name in _ETC]
    python = [Path(sys.base_prefix), Path(sys.prefix), ROOT / "demo"]
    wanted = [*system, *(path for path in [*etc, *python] if path.exists())]
    covered = [path for path in wanted if not any(parent in wanted for parent in path.parents)]
    return [str(path) for path in dict.fromkeys(covered)]


def why_not_usable() -> str:
    """Empty when an engine answers and can run our Python from our files; else why it cannot.

    The probe runs one container of about half a second, and removes it and its image.
    """
    image = HostImage(f"runbooks-demo-probe-{secrets.token_hex(4)}:1")
    try:
        with engine() as client:
            client.ping()
    except (DockerException, RequestException):
        return "no Docker engine answers"
    try:
        image.build()
        try:
            image.run([sys.executable, "-c", "import demo.backend"])
        finally:
            image.remove()
    except (DockerException, RequestException) as error:
        return f"the Docker engine cannot run this machine's Python: {error}"
    return ""


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

    def run(self, argv: list[str]) -> str:
        """Run one command in a container of this image and answer with its output."""
        volumes = [f"{path}:{path}:ro" for path in host_mounts()]
        environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        with engine() as client:
            output = client.containers.run(
                self.name, argv, volumes=volumes, environment=environment, network_mode="none", remove=True
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
