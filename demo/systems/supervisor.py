"""The services under supervisord: for machines without Docker, nothing else is needed."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import shutil
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from demo.parts.part import ProcessPart
from demo.parts.process import Process
from demo.systems.disk import SmallDisk
from demo.systems.services import BACKEND, POSTGRES, Services
from models.service.service import Manager, SupervisordManager

_LONGEST_SOCKET_DIRECTORY = 70
"""The kernel takes about a hundred bytes for the path of a unix socket, its name included."""


class Supervisord(ProcessPart):
    """The supervisor itself, with nothing started yet; asked over its unix socket."""

    def __init__(self, directory: Path, programs: Sequence[Program]) -> None:
        self._directory = directory
        self.socket = _short(directory) / "supervisor.sock"
        configuration = directory / "supervisord.conf"
        configuration.write_text("\n".join([_SERVER, *(one.section for one in programs)]))
        argv = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration)]
        self.control = [sys.executable, "-m", "supervisor.supervisorctl", "-s", f"unix://{self.socket}"]
        env = {"SOCKET": str(self.socket)}
        for one in programs:
            env |= one.given
        self.process = Process("supervisord", argv, directory=directory, env=env)

    async def start(self) -> None:
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        await super().start()

    async def stop(self) -> None:
        await super().stop()
        if self.socket.parent != self._directory:
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    async def looks_ready(self) -> str:
        try:
            await self.ask("getState")
        except OSError as error:
            return str(error)
        return ""

    async def ask(self, method: str, *arguments: Any) -> Any:
        """Call `supervisor.METHOD`; raises `xmlrpc.client.Fault` as supervisord says it."""
        return await asyncio.to_thread(self._ask, method, *arguments)

    def _ask(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(serverurl=f"unix://{self.socket}")
        try:
            server = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
            return getattr(server.supervisor, method)(*arguments)
        finally:
            transport.close()


class SupervisedServices(Services):
    """The backend and PostgreSQL as programs of one supervisord, which does not restart them itself."""

    def __init__(self, directory: Path, disk: SmallDisk | None = None) -> None:
        super().__init__(directory, disk)
        self._directory = directory
        self.memory_limit_file = directory / "backend-memory-limit"
        self._write_limit()
        environment = {
            **self.backend.environment,
            "MEMORY_LIMIT_FILE": str(self.memory_limit_file),
            "ENV_FILE": str(self.backend.env_file),
        }
        programs = [
            Program(POSTGRES, self.cluster.argv, stop="INT"),
            Program(BACKEND, self.backend.argv, environment),
        ]
        self.supervisord = Supervisord(directory, programs)

    async def start(self) -> None:
        if self.disk:
            await self.disk.start()
        await asyncio.to_thread(self.cluster.prepare)
        await self.supervisord.start()
        await self.become_healthy()

    async def stop(self) -> None:
        await self.supervisord.stop()
        if self.disk:
            await self.disk.stop()

    def manager_of(self, service: str) -> Manager:
        limit = str(self.memory_limit_file) if service == BACKEND else None
        socket = str(self.supervisord.socket)
        return SupervisordManager(program=service, socket=socket, memory_limit_file=limit)

    def start_command(self, service: str) -> list[str]:
        return [*self.supervisord.control, "restart", service]

    async def start_service(self, service: str) -> None:
        await self._ask_unless("startProcess", service, Faults.ALREADY_STARTED)

    async def stop_service(self, service: str) -> None:
        await self._ask_unless("stopProcess", service, Faults.NOT_RUNNING)

    async def deploy(self, version: str) -> None:
        """There are no images: the version is a file that is read at the start."""
        self.backend.version.write_text(version)
        await self.recreate_backend()
        if self.pipeline:
            await self.pipeline(version)

    async def recreate_backend(self) -> None:
        self._write_limit()
        await self.stop_service(BACKEND)
        await self.start_service(BACKEND)

    async def is_as_described(self) -> bool:
        return self.memory_limit_file.read_text().strip() == str(self.backend.memory_limit)

    async def pid_of(self, service: str) -> int:
        info = await self.supervisord.ask("getProcessInfo", service)
        return int(info["pid"])

    async def log_of(self, service: str) -> str:
        return (self._directory / f"{service}.log").read_text(errors="replace")

    def _write_limit(self) -> None:
        self.memory_limit_file.write_text(f"{self.backend.memory_limit}\n")

    async def _ask_unless(self, method: str, service: str, already: int) -> None:
        """Ask for a change; that it is so already, or that it crashed at once, is no error of ours."""
        try:
            await self.supervisord.ask(method, service)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode not in (already, Faults.ABNORMAL_TERMINATION, Faults.SPAWN_ERROR):
                raise


def _short(directory: Path) -> Path:
    """The work directory; one of its own for the socket where the work directory's name is too long."""
    if len(str(directory)) <= _LONGEST_SOCKET_DIRECTORY:
        return directory
    return Path("/tmp", f"runbooks-{secrets.token_hex(8)}")


# Names of files are those of the work directory, in which supervisord is started.
_SERVER = """[unix_http_server]
file=%(ENV_SOCKET)s
chmod=0700

[supervisord]
nodaemon=true
logfile=supervisord-events.log
pidfile=supervisord.pid
childlogdir=.

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


@dataclass(frozen=True)
class Program:
    """One program of supervisord. It is not restarted by supervisord: that is the runbook's to decide.

    What holds a path is given to supervisord in its environment: in its file some characters have a
    meaning of their own, among them `%`, and `#` after a blank.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: str = "TERM"
    """The signal that ends it."""

    @property
    def given(self) -> dict[str, str]:
        """Variables for supervisord, which `section` names."""
        variables = ",".join(f'{key}="{value}"' for key, value in self.environment.items())
        name = self.name.upper()
        return {f"{name}_COMMAND": shlex.join(self.argv), f"{name}_ENVIRONMENT": variables}

    @property
    def section(self) -> str:
        """`startsecs=0`: supervisord forgets the exit code of a program that ends sooner than that."""
        name = self.name.upper()
        return f"""[program:{self.name}]
command=%(ENV_{name}_COMMAND)s
environment=%(ENV_{name}_ENVIRONMENT)s
autostart=false
autorestart=false
startsecs=0
startretries=0
stopsignal={self.stop}
stopwaitsecs=3
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={self.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=1
"""
