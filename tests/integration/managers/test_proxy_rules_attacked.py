"""What the allowed requests do at worst: each is sent, in every version, with what would give root.

The rules judge paths. Bodies, queries and headers reach the engine as they are, so what counts is what
the engine makes of them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from tests.parts.product.production import FILE, rules_of
from tests.parts.servers.docker_engine import BINDS, PYTHON, SLEEPS, MakeContainer
from tests.parts.servers.ruled_socket import ENGINE, RuledSocket, Rules

WITHIN = 30
"""Seconds for one answer."""
HOST = {"Binds": [*BINDS, "/etc:/tmp/host:ro"], "Privileged": True, "PidMode": "host", "CapAdd": ["ALL"]}
"""What an old version's `start` takes, and runs with."""
ROOT = {
    **HOST,
    "Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}],
    "NetworkMode": "host",
    "IpcMode": "host",
    "SecurityOpt": ["apparmor=unconfined", "seccomp=unconfined"],
    "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}],
    "DeviceCgroupRules": ["a *:* rwm"],
    "CgroupParent": "/",
    "Runtime": "other",
    "Sysctls": {"kernel.core_pattern": "|/x"},
    "Ulimits": [{"Name": "core", "Soft": 1, "Hard": 1}],
}
LIMITS = {"Memory": 2**26, "MemorySwap": 2**26, "PidsLimit": 77, "RestartPolicy": {"Name": "always"}}
EVIL = {
    **ROOT,
    **LIMITS,
    "HostConfig": ROOT,
    "Config": {"User": "0"},
    "User": "0",
    "Cmd": ["x"],
    "Env": ["X=1"],
}
SWITCHES = ("tcp", "h2c", "websocket")


class Request(http.client.HTTPConnection):
    """One request to a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=WITHIN)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WITHIN)
        self.sock.connect(self._path)


def ask(path: str, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """The status, and the beginning of the answer."""
    request = Request(path)
    try:
        content = None if body is None else json.dumps(body)
        with contextlib.suppress(BrokenPipeError):  # refused before all of it was sent: the answer is there
            request.request(method, target, content, {"Content-Type": "application/json", **headers})
        answer = request.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read(200).decode(errors="replace")
    finally:
        request.close()


@pytest.fixture
def rules() -> Iterator[str]:
    """The path of a socket behind the rules of docker-compose.yml."""
    with tempfile.TemporaryDirectory(prefix="rs-") as directory:
        front = RuledSocket(Path(directory, "d.sock"), Rules.of(rules_of(FILE)))
        yield str(Path(directory, "d.sock"))
        front.close()


@pytest.fixture
def versions(docker_client: docker.DockerClient) -> list[str]:
    """Every version that this engine serves, the newest last; and none."""
    said = docker_client.version()
    first, last = (int(said[key].partition(".")[2]) for key in ("MinAPIVersion", "ApiVersion"))
    return ["", *(f"/v1.{minor}" for minor in range(first, last + 1))]


@pytest.fixture
def never_started(docker_client: docker.DockerClient, image: str) -> Iterator[Container]:
    made = docker_client.containers.create(
        image, [PYTHON, "-c", SLEEPS], name=f"runbooks-{uuid.uuid4().hex[:10]}"
    )
    yield made
    made.remove(force=True)


def may(container: Container) -> Mapping[str, Any]:
    """All that decides what a container may do: limits and the restart policy are left out."""
    container.reload()
    host = {key: value for key, value in container.attrs["HostConfig"].items() if key not in LIMITS}
    mounts = sorted(container.attrs["Mounts"], key=lambda mount: str(mount["Destination"]))
    kept = ("Config", "Image", "Path", "Args", "AppArmorProfile")
    return {"HostConfig": host, "Mounts": mounts, **{key: container.attrs[key] for key in kept}}


def test_a_start_in_no_version_takes_mounts_or_privileges(
    rules: str, versions: list[str], never_started: Container
) -> None:
    before = may(never_started)
    for version in versions:
        status, said = ask(rules, "POST", f"{version}/containers/{never_started.id}/start", HOST)
        assert status >= 400, (version, said)
        assert may(never_started) == before, version


def test_a_start_restores_no_checkpoint(rules: str, versions: list[str], never_started: Container) -> None:
    """A checkpoint is a process as its maker wants it. Only an experimental engine takes one."""
    target = f"{versions[-1]}/containers/{never_started.id}/start?checkpoint=x&checkpoint-dir=/tmp"
    assert ask(rules, "POST", target)[0] >= 400


def test_no_act_changes_what_a_container_may_do(
    rules: str, versions: list[str], docker_client: docker.DockerClient, make_container: MakeContainer
) -> None:
    container = make_container()
    network = docker_client.networks.create(f"runbooks-test-{uuid.uuid4().hex[:8]}")
    query = "t=1&privileged=1&HostConfig=%7B%22Privileged%22%3Atrue%7D&ps_args=x"
    connect = {"Container": container.id, "EndpointConfig": {"DriverOpts": {"x": "y"}}, **EVIL}
    try:
        before = may(container)
        for version in ("/v1.24", versions[-1]):
            for act in ("update", "stop", "restart", "unpause"):
                ask(rules, "POST", f"{version}/containers/{container.id}/{act}?{query}", EVIL)
                assert may(container) == before, (version, act)
            for name in ("host", str(network.name)):
                ask(rules, "POST", f"{version}/networks/{name}/connect?{query}", connect)
                assert may(container) == before, (version, name)
                assert "host" not in container.attrs["NetworkSettings"]["Networks"]
        assert container.attrs["HostConfig"]["PidsLimit"] == LIMITS["PidsLimit"], "limits are what it may set"
    finally:
        container.remove(force=True)
        network.remove()


@pytest.mark.parametrize("switch", SWITCHES)
def test_no_allowed_request_leaves_http(
    versions: list[str], make_container: MakeContainer, switch: str
) -> None:
    """The proxy passes `Upgrade` on: what an engine answers with 101 is a line past the rules."""
    newest, container = versions[-1], make_container()
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": switch, "HTTP2-Settings": "AAMAAABkAAQ"}
    headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    one = f"{newest}/containers/{container.id}"
    asked = [("HEAD", "/_ping"), ("GET", "/_ping"), ("GET", "/version"), ("GET", f"{newest}/networks/bridge")]
    asked += [("GET", f"{newest}/events?since=0&until=1"), ("GET", f"{newest}/containers/json?limit=1")]
    asked += [("GET", f"{one}/{look}") for look in ("json", "logs?stdout=1", "stats?stream=0&one-shot=1")]
    asked += [("POST", f"{one}/{act}") for act in ("start", "unpause", "update", "stop?t=1", "restart?t=1")]
    asked += [("POST", f"{newest}/networks/none/connect")]
    for method, target in asked:
        assert ask(ENGINE, method, target, **headers)[0] != 101, target
    if switch == "tcp":
        attached = ask(ENGINE, "POST", f"{one}/attach?stream=1&stdout=1", **headers)
        assert attached[0] == 101, "attach, which the rules refuse, is such a line"
