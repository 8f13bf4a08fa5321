"""A real supervisord in a directory of its own, with the programs that a test asks for."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models.service import service as configured
from models.service.service import Service
from tests.parts.servers.sockets import closed_port

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"


@dataclass(frozen=True)
class Supervisord:
    """One that runs: its socket and its directory."""

    directory: Path
    socket: Path
    port: int | None = None
    """Where it listens, too, when it asks for a user and a password."""

    def service(self, program: str, memory_limit_file: Path | None = None, **more: Any) -> Service:
        """A configured service that is one of its programs."""
        manager = configured.SupervisordManager(
            program=program,
            socket=str(self.socket),
            memory_limit_file=str(memory_limit_file) if memory_limit_file else None,
        )
        return Service(name="backend", manager=manager, **more)


StartSupervisord = Callable[..., Supervisord]


@pytest.fixture
def start_supervisord() -> Iterator[StartSupervisord]:
    """Start one with programs by name: a file of Python code each, and options of its section."""
    started: list[subprocess.Popen[bytes]] = []
    # Not below pytest's own directory: the path of a unix socket may have about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="sv-") as temporary:
        directory = Path(temporary)

        def start(
            login: tuple[str, str] | None = None, /, **programs: str | tuple[str, dict[str, str]]
        ) -> Supervisord:
            configuration = directory / "supervisord.conf"
            port = closed_port() if login else None
            configuration.write_text(_configuration(directory, programs, login, port))
            command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            started.append(process)
            socket = directory / "s.sock"
            until = time.monotonic() + 15
            while not socket.exists():
                assert process.poll() is None, "supervisord ended at once"
                assert time.monotonic() < until, "supervisord made no socket"
                time.sleep(0.02)
            return Supervisord(directory, socket, port)

        yield start
        for process in started:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _configuration(
    directory: Path,
    programs: dict[str, str | tuple[str, dict[str, str]]],
    login: tuple[str, str] | None,
    port: int | None,
) -> str:
    asks = "\nusername={}\npassword={}".format(*login) if login else ""
    sections = [
        f"[supervisord]\nlogfile={directory}/main.log\npidfile={directory}/s.pid",
        f"[unix_http_server]\nfile={directory}/s.sock\nchmod=0700{asks}",
        *([f"[inet_http_server]\nport=127.0.0.1:{port}{asks}"] if port else ()),
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for name, program in programs.items():
        code, options = program if isinstance(program, tuple) else (program, {})
        file = directory / f"{name}.py"
        file.write_text(code)
        lines = {
            "command": shlex.join([sys.executable, "-u", str(file)]),
            "startsecs": "0",
            "autorestart": "false",
            "stopwaitsecs": "3",
            "stdout_logfile": f"{directory}/{name}.out",
            "stderr_logfile": f"{directory}/{name}.err",
            **options,
        }
        sections.append(f"[program:{name}]\n" + "\n".join(f"{key}={value}" for key, value in lines.items()))
    return "\n\n".join(sections) + "\n"
