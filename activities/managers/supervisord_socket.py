"""The way to supervisord: XML-RPC over its unix socket, with a time-out on every step."""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from xml.parsers.expat import ExpatError

from supervisor.xmlrpc import SupervisorTransport

from activities.managers.manager import ManagerRefused, ManagerUnreachable
from activities.support.redaction import clean

READ_TIMEOUT = 5.0


class _Connection(http.client.HTTPConnection):
    """supervisor's own connection has no time-out: a hung supervisord would hold the thread for ever."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(SupervisorTransport):  # type: ignore[misc]  # supervisor has no types
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__(serverurl=f"unix://{path}")
        self._get_connection = lambda: _Connection(path, timeout)


@contextmanager
def supervisor_at(path: str, timeout: float = READ_TIMEOUT) -> Iterator[Any]:
    """The methods of supervisord's `supervisor` namespace, for one conversation.

    A `Fault` that the block does not handle becomes `ManagerRefused`; silence, `ManagerUnreachable`.
    """
    where = f"supervisord's socket {clean(path, 120)}"
    with closing(_Transport(path, timeout)) as transport:
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
        except (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError) as error:
            raise ManagerUnreachable(f"no proper answer at {where}: {clean(str(error), 120)}") from error
