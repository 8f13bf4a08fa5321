"""A real unix socket between the product and the Docker engine that can lose answers."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ENGINE = "/var/run/docker.sock"


class DockerProxy:
    """Forwards everything; an answer to a request that contains `loses` is swallowed.

    The engine has carried such a request out before the connection is closed, or, with `hang`, left
    open without a word. With `dies` nobody listens any more after the first of them.
    """

    def __init__(self, path: Path, *, loses: bytes, hang: bool = False, dies: bool = False) -> None:
        self.url = f"unix://{path}"
        self.lost = 0
        self._loses = loses
        self._hang = hang
        self._dies = dies
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def lose(self, what: bytes) -> None:
        """From now on swallow the answers to these requests instead."""
        self._loses = what

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(ENGINE)
                self._open += [client, engine]
                losing = threading.Event()
                for target in (
                    lambda c=client, e=engine, ev=losing: self._ask(c, e, ev),
                    lambda c=client, e=engine, ev=losing: self._answer(c, e, ev),
                ):
                    thread = threading.Thread(target=target, daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _ask(self, client: socket.socket, engine: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._loses in data:
                    losing.set()
                engine.sendall(data)

    def _answer(self, client: socket.socket, engine: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while data := engine.recv(65536):
                if losing.is_set():
                    self.lost += 1
                    if self._dies:
                        self._listener.shutdown(socket.SHUT_RDWR)
                    if not self._hang:
                        client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)


@contextmanager
def docker_proxy(*, loses: bytes, hang: bool = False, dies: bool = False) -> Iterator[DockerProxy]:
    """A proxy for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="dp-") as directory:
        proxy = DockerProxy(Path(directory, "d.sock"), loses=loses, hang=hang, dies=dies)
        try:
            yield proxy
        finally:
            proxy.close()


@contextmanager
def silent_socket() -> Iterator[str]:
    """The path of a unix socket that takes connections and never says a word."""
    with tempfile.TemporaryDirectory(prefix="hs-") as directory:
        path = Path(directory, "silent.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            yield str(path)
