"""Manages a service that is a container: inspect, start, stop, restart, update.

The container is found by its configured name, and its Compose project by its labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from docker.errors import ImageNotFound, NotFound
from docker.models.containers import Container

from activities.managers.compose import ONE_OFF, Compose, Project
from activities.managers.docker_engine import DockerEngine
from activities.managers.docker_events import KINDS, read, removed_at
from activities.managers.docker_reading import (
    KILLED_BY_SIGKILL,
    grace_of,
    log_lines,
    moment,
    seen_of,
    usage_of,
    version_of,
)
from activities.managers.manager import ManagerRefused, RecentLog, Unsupported, Usage
from activities.managers.process_seen import Ended, ProcessSeen, ProcessState
from activities.support.docker_client import TOO_MUCH, BrokenAnswer
from models.base import in_words
from models.evidence.evidence import Finding
from models.service import service as configured
from models.version import Version

_LOG_BYTES = 2**20
_LONG_LINES = 800
"""So many fit into one answer however long they are: an engine cuts a line after 16 KiB."""
_JUST_STARTED = timedelta(minutes=1)


class DockerManager:
    """The container of a service, by its exact name."""

    def __init__(self, engine: DockerEngine, configuration: configured.DockerManager) -> None:
        self._engine = engine
        self._name = configuration.container
        self._stop_timeout = configuration.stop_timeout

    def state(self) -> ProcessSeen:
        attributes = self._inspect()
        now = datetime.now(UTC)
        return self._missing(now, None) if attributes is None else seen_of(attributes, now)

    def examine(self) -> ProcessSeen:
        attributes = self._inspect()
        events = read(self._engine.events(attributes["Id"] if attributes else self._name, KINDS))
        now = datetime.now(UTC)
        if attributes is None:
            return self._missing(now, removed_at(events))
        seen = seen_of(attributes, now, events)
        killed = seen.exited and seen.exit_code == KILLED_BY_SIGKILL and not seen.oom_killed
        if killed and seen.ended is Ended.UNTOLD:
            # Nobody remembers by whom: perhaps by a stop that took too long, so a person is asked.
            seen = seen.model_copy(update={"ended": Ended.STOPPED})
        return seen

    def _missing(self, now: datetime, removed: datetime | None) -> ProcessSeen:
        ago = f": it was removed {in_words(now - removed)} ago" if removed else ""
        return ProcessSeen(
            finding=Finding.BAD,
            reason=f"there is no container called {self._name}{ago}",
            observed_at=now,
            finished_at=removed,
            state=ProcessState.MISSING,
        )

    def usage(self) -> Usage:
        with self._container() as container:
            stats = cast("dict[str, Any]", container.stats(stream=False))
            return usage_of(stats, container.attrs["HostConfig"])

    def logs(self, lines: int) -> RecentLog:
        with self._container() as container:
            raw = _end_of_log(container, lines)
            seen = seen_of(container.attrs, datetime.now(UTC))
            ended = moment(container.attrs["State"].get("FinishedAt"))
        return log_lines(raw[-_LOG_BYTES:], lines, self._latest_run(seen, ended))

    def pids(self) -> frozenset[int]:
        with self._container() as container:
            if not container.attrs["State"].get("Running"):
                return frozenset()
            # Podman asks the container's own `ps`, which counts from 1; by this name it tells the host's.
            name, asked = ("HPID", "hpid") if self._engine.is_podman() else ("PID", None)
            table = container.top(ps_args=asked)
        column = table["Titles"].index(name)
        return frozenset(int(row[column]) for row in table["Processes"] or ())

    def publishes(self, port: int) -> bool:
        attributes = self._inspect()
        if attributes is None or not attributes["State"].get("Running"):
            return False
        bindings = (attributes.get("NetworkSettings", {}).get("Ports") or {}).values()
        return any(int(one["HostPort"] or 0) == port for binding in bindings for one in binding or ())

    def replicas(self) -> int:
        with self._container() as container:
            project = Project.of(container.labels)
            if project is None:
                return int(bool(container.attrs["State"].get("Running")))
        return self._running(project)

    def start(self) -> None:
        with self._container() as container:
            if container.status == "paused":
                container.unpause()
            elif container.status == "restarting":
                container.restart(
                    timeout=self._grace(container)
                )  # ends the engine's own waiting between crashes
            else:
                container.start()

    def stop(self) -> None:
        with self._container() as container:
            if container.status == "paused":
                container.unpause()
            self._refuse_if_removed(container, "stopped")
            container.stop(timeout=self._grace(container))

    def restart(self) -> None:
        with self._container() as container:
            if container.status == "paused":
                container.unpause()
            if self._engine.is_podman():  # which may remove it in the middle of a restart
                self._refuse_if_removed(container, "restarted")
            container.restart(timeout=self._grace(container))

    def signal(self, name: str) -> None:
        with self._container() as container:
            container.kill(signal=name)

    def set_memory_limit(self, size: int) -> None:
        """Takes effect at once, and lasts until the container is recreated from its Compose file."""
        with self._container() as container:
            host = container.attrs["HostConfig"]
            memory, with_swap = host.get("Memory") or 0, host.get("MemorySwap") or 0
            # The engine counts swap on top of memory: the share that is swap stays what it was.
            swap = size + (with_swap - memory) if with_swap > 0 else with_swap
            try:
                if swap:
                    container.update(mem_limit=size, memswap_limit=swap)
                else:
                    container.update(mem_limit=size)
            except NotFound as error:
                raise Unsupported(
                    f"{self._engine.name()} cannot change the limit of {self._name}, only of a container"
                    " that is made anew: set it where the container is described"
                ) from error

    def roll_back(self, version: Version) -> None:
        """Recreate the Compose service from another image; see `Compose.run_image`."""
        with self._container() as container:
            project = Project.to_change(container.labels, self._name, "rolled back")
            environment = tuple(container.attrs["Config"].get("Env") or ())
        Compose(self._engine.host).run_image(project, self._reference(version), environment)

    def scale(self, replicas: int) -> None:
        """Run this many containers of the Compose service, all of the image that runs now."""
        with self._container() as container:
            project = Project.to_change(container.labels, self._name, "scaled")
            image = self._reference(version_of(container.attrs))
            environment = tuple(container.attrs["Config"].get("Env") or ())
        now = self._running(project)
        Compose(self._engine.host).scale(project, now, replicas, image, environment)

    def environment(self) -> Mapping[str, str]:
        with self._container() as container:
            return dict(entry.partition("=")[::2] for entry in container.attrs["Config"].get("Env") or ())

    def recreate(self, settings: Mapping[str, str | None]) -> None:
        """Recreate the Compose service from the very image that runs; see `Compose.recreate`."""
        with self._container() as container:
            project = Project.to_change(container.labels, self._name, "recreated")
            image = self._reference(version_of(container.attrs))
            environment = tuple(container.attrs["Config"].get("Env") or ())
        now = self._running(project)
        Compose(self._engine.host).recreate(project, now, image, environment, settings)

    def networks(self) -> frozenset[str]:
        with self._container() as container:
            return frozenset(container.attrs["NetworkSettings"]["Networks"] or ())

    def attach(self, network: str) -> None:
        """Connect it under its Compose name and aliases, which a bare `docker network connect` loses."""
        with self._container() as container:
            aliases = self._aliases(container, network)
        absent = f"there is no network called {network}: create it first"
        with self._engine.client() as client:
            try:
                found = client.networks.get(network)
            except NotFound as error:
                raise Unsupported(absent) from error
            if found.name != network:
                raise Unsupported(absent)
            found.connect(container, aliases=aliases or None)

    def _refuse_if_removed(self, container: Container, what: str) -> None:
        if container.attrs["HostConfig"].get("AutoRemove"):
            raise Unsupported(
                f"the container {self._name} cannot be {what}: it is removed when it stops, and could not be"
                " started again; give the service the systemd unit that runs it, or do it by hand"
            )

    def _grace(self, container: Container) -> int:
        return grace_of(container.attrs, self._stop_timeout)

    def _aliases(self, container: Container, network: str) -> list[str]:
        project = Project.of(container.labels)
        if project is None:
            return []
        try:
            described = Compose(self._engine.host).aliases(project, network)
        except (ManagerRefused, Unsupported):
            described = ()  # its name in Compose is what others use, and the labels know it
        return list(dict.fromkeys((project.service, *described)))

    def _reference(self, version: Version) -> str:
        """What to call an image so that exactly it runs: by its name, unless that was moved meanwhile."""
        for reference in (version.name, version.image_id):
            image_id = self._image_id(reference)
            if image_id and image_id == (version.image_id or image_id):
                return reference
        raise Unsupported(f"the image {version.name} is not on this machine: pull it first")

    def _image_id(self, reference: str) -> str | None:
        with self._engine.client() as client:
            try:
                return client.images.get(reference).id if reference else None
            except ImageNotFound:
                return None

    def _running(self, project: Project) -> int:
        with self._engine.client() as client:
            found = client.containers.list(filters={"label": project.label_filters})
        return sum(1 for one in found if one.labels.get(ONE_OFF) != "True")

    def _inspect(self) -> Mapping[str, Any] | None:
        with self._engine.client() as client:
            try:
                container = client.containers.get(self._name)
            except NotFound:
                return None
        # The engine also takes the beginning of an ID for a name; an ambiguous target is none.
        return container.attrs if container.name == self._name else None

    @contextmanager
    def _container(self) -> Iterator[Container]:
        absent = (
            f"there is no container called {self._name}: create it with `docker compose up -d`"
            " in the directory of its project"
        )
        with self._engine.client() as client:
            try:
                container = client.containers.get(self._name)
            except NotFound as error:
                raise Unsupported(absent) from error
            if container.name != self._name:
                raise Unsupported(absent)
            yield container

    @staticmethod
    def _latest_run(seen: ProcessSeen, ended: datetime | None) -> datetime | None:
        """When the log of the latest run begins; None when all of the tail matters."""
        if seen.started_at is None:
            return None
        if seen.running:
            crashing = seen.restarts > 0 and datetime.now(UTC) - seen.started_at < _JUST_STARTED
            return None if crashing else ended
        return seen.started_at - timedelta(seconds=1)


def _end_of_log(container: Container, lines: int) -> bytes:
    """The last lines, as they come; fewer where so many are more than an answer may have."""
    try:
        whole: bytes = container.logs(stdout=True, stderr=True, timestamps=True, tail=lines)
    except BrokenAnswer as error:
        if TOO_MUCH not in str(error):
            raise
        whole = container.logs(stdout=True, stderr=True, timestamps=True, tail=min(lines, _LONG_LINES))
    return whole
