"""Nothing asks an outside system around the bounded ways to ask one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.unit.architecture.test_imports_and_sizes import files, imports, name_of

WAYS = {
    "xmlrpc": {"activities/managers/supervisord.py", "activities/managers/supervisord_socket.py"},
    "http.client": {"activities/managers/supervisord_socket.py", "activities/support/docker_client.py"},
    "requests": {"activities/managers/docker_engine.py", "activities/support/docker_client.py"},
    "urllib3": {"activities/managers/docker_engine.py", "activities/support/docker_client.py"},
    "urllib.request": set(),
    "aiohttp": set(),
    "telnetlib": set(),
    "ftplib": set(),
    "smtplib": set(),
}
"""What may import a library that asks; `supervisord.py` knows the name of a fault alone."""

CALLS = {
    r"\b_?(client|http)\.stream\(": {"activities/support/http.py"},
    r"\b_?(client|http)\.(get|post|put|patch|delete|head|options|request|send)\(": set[str](),
    r"httpx\.(get|post|put|patch|delete|head|options|request|stream|Client)\(": set[str](),
    r"docker\.(from_env|DockerClient|APIClient)\(": set[str](),
    r"docker_client\(": {
        "activities/support/docker_client.py",
        "activities/managers/docker_engine.py",
    },
    r"asyncpg\.(connect|create_pool)\(": {"activities/postgres/connecting.py"},
}
"""What may make a connection, or a request on one. A client of `httpx` is made by the processes alone."""

OURS = [path for path in files() if not name_of(path).startswith(("demo", "bench"))]


def code_of(path: Path) -> str:
    """The code without its comments and docstrings."""
    return ast.unparse(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("library", WAYS)
def test_a_library_that_asks_is_known_to_its_bounded_way_alone(library: str) -> None:
    asking = {
        name_of(path)
        for path in OURS
        for name in imports(ast.parse(path.read_text(encoding="utf-8")))
        if name == library or name.startswith(f"{library}.")
    }
    assert asking <= WAYS[library]


@pytest.mark.parametrize("call", CALLS)
def test_a_request_is_made_by_its_bounded_way_alone(call: str) -> None:
    asking = {name_of(path) for path in OURS if re.search(call, code_of(path))}
    assert asking <= CALLS[call]


def test_the_client_is_made_in_one_place_alone() -> None:
    """Which knows the proxies, the certificates and what each system asks."""
    makes = re.compile(r"httpx\.Async(Client|HTTPTransport)\(")
    made = {name_of(path) for path in OURS if makes.search(code_of(path))}
    assert made == {"runtime/systems/outgoing.py"}
