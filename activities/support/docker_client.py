"""The SDK's client of a Docker engine, whose every answer is bounded in time and in bytes as a whole.

Over a unix socket, TCP or TLS alike. The time-out of a request is that of its whole answer: one byte now
and then, in the headers or the body, would hold the thread for ever. Nothing is unpacked, no redirect is
followed, and what is read as JSON has a bounded number of parts.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool
from docker.utils import kwargs_from_env
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from models.parts import end_of_most

LARGEST = 2**24
"""Bytes of an answer: the largest that is asked for is the end of a log."""
TOO_MUCH = "more than an engine sends"
BrokenAnswer = requests.RequestException
"""What is raised for an answer that is too large, too late or no answer; the text says which."""
COMPRESSED = "compressed, which nobody asked for"


def docker_client(host: str | None, timeout: float) -> docker.DockerClient:
    """A client of the engine at `host`, or where the `DOCKER_*` variables of the environment say.

    `timeout` has seconds. Raises what the SDK raises: it asks for the engine's version at once.
    """
    where: Any = kwargs_from_env() if host is None else {"base_url": host}
    return _Client(timeout=timeout, **where)


class _Answer(io.RawIOBase):
    """The bytes of one answer, from its first line on."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._until = time.monotonic() + (sock.gettimeout() or 0.0)
        self._left = LARGEST

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(seconds)
        got: int | None = self._raw.readinto(into)
        self._left -= got or 0
        if self._left < 0:
            raise http.client.HTTPException(TOO_MUCH)
        return got

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *rest: Any, **more: Any) -> None:
        super().__init__(sock, *rest, **more)
        self.fp = io.BufferedReader(_Answer(self.fp.detach(), sock))

    def begin(self) -> None:
        super().begin()
        if self.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise http.client.HTTPException(COMPRESSED)


class _Http(HTTPConnection):
    response_class = _Response


class _Https(HTTPSConnection):
    response_class = _Response


class _Unix(UnixHTTPConnection):
    response_class = _Response


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _UnixPool(UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:
        how: Any = (self.base_url, self.socket_path, self.timeout)
        return _Unix(*how)


class _UnixAdapter(UnixHTTPAdapter):
    def get_connection(self, url: Any, proxies: Any = None) -> _UnixPool:
        with self.pools.lock:
            if url not in self.pools:
                self.pools[url] = _UnixPool(url, self.socket_path, self.timeout, maxsize=self.max_pool_size)
            pool: _UnixPool = self.pools[url]
            return pool


class _Api(docker.APIClient):
    """Every way to an engine is mounted as a bounded one."""

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        if isinstance(adapter, UnixHTTPAdapter):
            adapter = _UnixAdapter(adapter.socket_path, adapter.timeout)
        elif isinstance(adapter, HTTPAdapter):
            adapter.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        super().mount(prefix, adapter)

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        request.headers["Accept-Encoding"] = "identity"
        return super().send(request, **more)

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None

    def _raise_for_status(self, response: requests.Response) -> None:
        with _read_as_json(response, when=not response.ok):
            super()._raise_for_status(response)  # type: ignore[misc]  # the stubs leave it out

    def _result(self, response: requests.Response, json: bool = False, binary: bool = False) -> Any:
        with _read_as_json(response, when=json):
            return super()._result(response, json, binary)  # type: ignore[misc]  # the same


class _Client(docker.DockerClient):
    def __init__(self, **how: Any) -> None:
        self.api = _Api(**how)


@contextmanager
def _read_as_json(response: requests.Response, *, when: bool) -> Iterator[None]:
    """Raises `requests.RequestException` for what would take too much memory, or too deep a stack."""
    if when and end_of_most(response.content) is not None:
        raise requests.exceptions.InvalidJSONError(TOO_MUCH)
    try:
        yield
    except (AttributeError, LookupError, RecursionError, TypeError) as error:
        raise requests.exceptions.InvalidJSONError(
            f"no answer of an engine ({type(error).__name__})"
        ) from error
