"""The connection to one Docker engine: made when it is first needed, and bounded in time."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException

from activities.managers.docker_reading import gist
from activities.managers.manager import ManagerError, ManagerRefused, ManagerUnreachable
from activities.support.docker_client import COMPRESSED, TOO_MUCH, docker_client
from activities.support.redaction import clean

_LARGEST = 2**21
"""Bytes: the 256 events that an engine keeps have a few hundred kilobytes, most of it labels."""
_PODMAN = "Libpod-Api-Version"
"""A header of Podman's answers; no Docker sends it."""
READ_TIMEOUT = 5
"""Seconds that the engine may take for an answer; stopping adds the container's own grace period."""


class DockerEngine:
    """A Docker engine at `host`, or where `DOCKER_HOST` says. May be absent when the worker starts."""

    def __init__(self, host: str | None = None, timeout: int = READ_TIMEOUT) -> None:
        self.host = host or os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        self._timeout = timeout
        self._explicit = host
        self._client: docker.DockerClient | None = None
        self._lock = threading.Lock()

    @contextmanager
    def client(self) -> Iterator[docker.DockerClient]:
        """The client, with its errors told as `ManagerUnreachable` or `ManagerRefused`.

        `NotFound` passes unchanged when the block handles it itself.
        """
        try:
            self._knock()
            yield self._connected()
        except APIError as error:
            raise ManagerRefused(f"Docker refused: {gist(str(error.explanation or error))}") from error
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ManagerUnreachable(self._why(error)) from error

    def events(self, container: str, kinds: Iterable[str]) -> bytes | None:
        """What it remembers of a container, by its ID or name, one JSON document a line.

        None when it does not answer, or the proxy before it refuses the question; and of Podman, which tells
        that a container died and not that somebody stopped it. Takes up to a second: the answer ends
        when the engine's own clock, by which events are told, has passed the end.
        """
        filters = {"type": ["container"], "container": [container], "event": list(kinds)}
        try:
            with self.client() as client:
                base, engine = _base(client), self._greeted(client)
                if _PODMAN in engine:
                    return None
                until = int(parsedate_to_datetime(engine["Date"]).timestamp()) + 1
                asked = {"since": "0", "until": str(until), "filters": json.dumps(filters)}
                answer = client.api.get(f"{base}/events", params=asked, timeout=self._timeout, stream=True)
                with answer:
                    return _whole(answer) if answer.status_code == requests.codes.ok else None
        except (ManagerError, ValueError, KeyError):
            return None

    def is_podman(self) -> bool:
        """Whether Podman answers at Docker's address. Raises a `ManagerError`."""
        with self.client() as client:
            return _PODMAN in self._greeted(client)

    def name(self) -> str:
        """Which engine answers, and its version: `Podman 4.3.1`. Raises a `ManagerError`."""
        with self.client() as client:
            told = client.version()
        parts = (str(one.get("Name", "")) for one in told.get("Components") or ())
        kind = "Podman" if any(one.startswith("Podman") for one in parts) else "Docker"
        return f"{kind} {clean(str(told.get('Version', '')), 40)}"

    def close(self) -> None:
        """Close the connections; a later use opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _greeted(self, client: docker.DockerClient) -> Mapping[str, str]:
        return client.api.get(f"{_base(client)}/_ping", timeout=self._timeout).headers

    def _knock(self) -> None:
        """Touch a unix socket before the SDK does, which leaves its own behind when it cannot connect."""
        if self.host.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as knocking:
                knocking.settimeout(self._timeout)
                knocking.connect(self.host.removeprefix("unix://"))

    def _connected(self) -> docker.DockerClient:
        if self._client is None:
            # Outside the lock: a hung engine must not make every other thread wait in turn.
            client = docker_client(self._explicit, self._timeout)
            with self._lock:
                if self._client is None:
                    self._client = client
            if client is not self._client:
                client.close()
        return self._client or self._connected()

    def _why(self, error: BaseException) -> str:
        where = clean(self.host, 120)
        said = " ".join(f"{type(one).__name__} {one}" for one in _chain(error))
        for sign, sentence in _SIGNS:
            if sign in said:
                return sentence.format(where=where, timeout=f"{self._timeout}")
        return f"Docker could not be asked at {where}: {clean(str(error), 160)}"


def _base(client: docker.DockerClient) -> str:
    return f"{client.api.base_url}/v{client.api.api_version}"


def _whole(answer: requests.Response) -> bytes:
    content = b""
    for part in answer.iter_content(2**16):
        content += part
        if len(content) > _LARGEST:
            raise ValueError("more events than an engine keeps")
    return content


_SIGNS = (
    (TOO_MUCH, f"what answers at Docker's address {{where}} sends {TOO_MUCH}"),
    (COMPRESSED, f"what answers at Docker's address {{where}} sends it {COMPRESSED}"),
    ("FileNotFoundError", "Docker's socket {where} does not exist"),
    ("No such file", "Docker's socket {where} does not exist"),
    ("PermissionError", "permission denied at Docker's socket {where}"),
    ("Permission denied", "permission denied at Docker's socket {where}"),
    ("ConnectionRefused", "nobody listens at Docker's socket {where}"),
    ("Connection refused", "nobody listens at Docker's socket {where}"),
    ("ReadTimeout", "Docker at {where} did not answer within {timeout} s"),
    ("timed out", "Docker at {where} did not answer within {timeout} s"),
    ("Connection aborted", "Docker at {where} closed the connection without an answer"),
)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__
