"""A stand-in for the socket proxy of docker-compose.yml: its rules, in front of the real engine.

The proxy's image cannot be pulled where there is no registry. This one takes the same options,
reads the rules as that one does, refuses with 403 and 405 as it does, and writes down what was
asked. It uses the standard library only, so that it also runs in an empty container. What it does
not have: the check of bind mounts, the health check and the watchdog.
"""

from __future__ import annotations

import re
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Self
from urllib.parse import unquote, urlsplit

ENGINE = "/var/run/docker.sock"
_LARGEST_HEAD = 2**16
_HEARD_OUT = 5
"""Seconds for the rest of a request that was refused."""
_REFUSAL = b"HTTP/1.1 %d Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Rules:
    """Which paths may be asked for, by method."""

    patterns: Mapping[str, re.Pattern[str]]

    @classmethod
    def of(cls, options: Iterable[str]) -> Self:
        """From the proxy's options. It puts `^` before the text and `$` behind it, without brackets."""
        found = (re.fullmatch(r"--?allow([A-Z]+)=(.*)", option, re.DOTALL) for option in options)
        # `\Z` is what `$` means in the proxy's own language: not before a last line end.
        return cls({match[1]: re.compile(f"^{match[2]}\\Z") for match in found if match})

    def refusal(self, method: str, target: str) -> int | None:
        """The status with which the proxy refuses, None when it lets the request through."""
        pattern = self.patterns.get(method)
        if pattern is None:
            return 405
        return None if pattern.search(unquote(urlsplit(target).path)) else 403


class RuledSocket:
    """A unix socket whose requests reach the engine when the rules allow them."""

    def __init__(self, path: Path, rules: Rules, engine: str = ENGINE) -> None:
        self.url = f"unix://{path}"
        self.passed: list[tuple[str, str]] = []
        self.refused: list[tuple[str, str]] = []
        self._rules = rules
        self._engine = engine
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request a connection: the answer says that it closes."""
        with client, suppress(OSError):
            head, rest = _read_head(client)
            if not head:
                return
            method, target, *_ = head[0].split(" ")
            status = self._rules.refusal(method, target)
            (self.refused if status else self.passed).append((method, target))
            if status:
                client.sendall(_REFUSAL % status)
                _hear_out(client)
                return
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(self._engine)
                kept = [line for line in head[1:] if not line.lower().startswith("connection:")]
                engine.sendall(
                    "\r\n".join([head[0], *kept, "Connection: close", "", ""]).encode("latin-1") + rest
                )
                threading.Thread(target=_pump, args=(client, engine), daemon=True).start()
                _pump(engine, client)


def _read_head(client: socket.socket) -> tuple[list[str], bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(4096)
        if not more or len(data) > _LARGEST_HEAD:
            return [], b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), rest


def _hear_out(client: socket.socket) -> None:
    """Read the body first: a unix socket that closes on an unread body drops the answer for the sender."""
    client.shutdown(socket.SHUT_WR)
    client.settimeout(_HEARD_OUT)
    while client.recv(65536):
        pass


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


def main(options: list[str]) -> None:
    """Serve until SIGTERM, with the options of the proxy itself."""
    named = dict(option.lstrip("-").partition("=")[::2] for option in options)
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    ruled = RuledSocket(Path(named["proxysocketendpoint"]), Rules.of(options))
    stop.wait()
    ruled.close()


if __name__ == "__main__":
    main(sys.argv[1:])
