"""The way to supervisord: XML-RPC over its unix socket or its port, bounded in time and in bytes as a whole.

Whatever answers there, it is `ManagerUnreachable` unless it is an answer of supervisord.
"""

from __future__ import annotations

import http.client
import socket
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from pydantic import BaseModel, Field, ValidationError
from supervisor.xmlrpc import SupervisorTransport

from activities.managers.manager import ManagerRefused, ManagerUnreachable
from activities.support.redaction import clean
from activities.support.secrets import SecretMissing, resolve
from models.base import in_bytes
from models.service.service import SupervisordManager

READ_TIMEOUT = 5.0
_USUAL_PORT = 9001
_ASKS_FOR_PASSWORD = "set manager.username and manager.password"  # noqa: S105 - no password
_LARGEST = 2**20
"""Bytes of a conversation: the largest that is asked for is 64 KiB of a log."""

_NO_XML_RPC = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the parser raises for XML that is no answer."""


_Count = Annotated[int, Field(ge=0, lt=2**32)]


class _ProcessInfo(BaseModel, strict=True):
    """The part of `getProcessInfo` that is used."""

    name: str
    group: str
    description: str
    pid: _Count
    state: int
    statename: str
    start: _Count
    stop: _Count
    exitstatus: Annotated[int, Field(ge=-(2**31), lt=2**31)]
    stdout_logfile: str
    stderr_logfile: str


def checked(info: object) -> Mapping[str, Any]:
    """The information of a program, as supervisord has it. Raises `ManagerUnreachable` for anything else."""
    try:
        return _ProcessInfo.model_validate(info).model_dump()
    except ValidationError:
        raise ManagerUnreachable("what answers at supervisord's socket is no supervisord") from None


def all_checked(infos: object) -> list[Mapping[str, Any]]:
    """The same for `getAllProcessInfo`."""
    return [checked(one) for one in (infos if isinstance(infos, list) else [infos])]


class _Bounded(socket.socket):
    """A time-out of each read is none of the answer: one byte now and then would hold the thread for ever."""

    until = 0.0
    left = _LARGEST

    def recv_into(self, *into: Any) -> int:
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self.settimeout(seconds)
        self.left -= (got := super().recv_into(*into))
        if self.left < 0:
            raise http.client.HTTPException(f"it answers with more than {in_bytes(_LARGEST)}")
        return got


class _Connection(http.client.HTTPConnection):
    def __init__(self, where: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._where = where
        self._until = time.monotonic() + timeout

    def connect(self) -> None:
        family, address = _address(self._where)
        self.sock = bounded = _Bounded(family, socket.SOCK_STREAM)
        bounded.until = self._until
        bounded.settimeout(self.timeout)
        bounded.connect(address)


def _address(where: str) -> tuple[socket.AddressFamily, Any]:
    if not where.startswith("http://"):
        return socket.AF_UNIX, where
    parts = urlsplit(where)
    host = parts.hostname or "localhost"
    return socket.AF_INET6 if ":" in host else socket.AF_INET, (host, parts.port or _USUAL_PORT)


class _Transport(SupervisorTransport):  # type: ignore[misc]  # supervisor has no types
    def __init__(self, where: str, timeout: float, login: tuple[str, str] | None) -> None:
        user, password = login or (None, None)
        super().__init__(user, password, serverurl=f"unix://{where}")
        self._get_connection = lambda: _Connection(where, timeout)

    def request(self, *sent: Any, **options: Any) -> Any:
        """The parsed answer. Raises `xmlrpc.client.ResponseError` for one that is none."""
        try:
            return super().request(*sent, **options)
        except _NO_XML_RPC as error:
            raise xmlrpc.client.ResponseError(str(error)) from error


def supervisor_of(manager: SupervisordManager) -> AbstractContextManager[Any]:
    """As `supervisor_at`, with the configured user and password. Raises `ManagerUnreachable`."""
    if not manager.username or not manager.password:
        return supervisor_at(manager.socket)
    try:
        login = manager.username, resolve(manager.password)
    except SecretMissing as missing:
        raise ManagerUnreachable(f"no password for supervisord: {missing}") from missing
    return supervisor_at(manager.socket, login=login)


@contextmanager
def supervisor_at(
    path: str, timeout: float = READ_TIMEOUT, login: tuple[str, str] | None = None
) -> Iterator[Any]:
    """The methods of supervisord's `supervisor` namespace, for one conversation of `timeout` seconds in all.

    A `Fault` that the block does not handle becomes `ManagerRefused`; silence, `ManagerUnreachable`.
    """
    where = f"supervisord's socket {clean(path, 120)}"
    with closing(_Transport(path, timeout, login)) as transport:
        server = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        try:
            yield server.supervisor
        except xmlrpc.client.Fault as fault:
            raise ManagerRefused(f"supervisord refused: {clean(fault.faultString, 200)}") from fault
        except TimeoutError as error:
            raise ManagerUnreachable(
                f"supervisord at {clean(path, 120)} did not answer within {timeout:g} s"
            ) from error
        except FileNotFoundError as error:
            raise ManagerUnreachable(f"{where} does not exist") from error
        except PermissionError as error:
            raise ManagerUnreachable(f"permission denied at {where}") from error
        except ConnectionRefusedError as error:
            raise ManagerUnreachable(f"nobody listens at {where}") from error
        except xmlrpc.client.ProtocolError as error:
            if error.errcode != http.client.UNAUTHORIZED:
                raise ManagerUnreachable(f"no proper answer at {where}: status {error.errcode}") from error
            cure = "correct manager.username and manager.password" if login else _ASKS_FOR_PASSWORD
            raise ManagerUnreachable(f"{where} wants another user or password: {cure}") from error
        except (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError) as error:
            raise ManagerUnreachable(f"no proper answer at {where}: {clean(str(error), 120)}") from error
