"""What a rollback script is given: what it needs, what the configuration names, and no token."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activities.managers import DockerEngine, Managers, Unsupported
from activities.service.rollback_script import ScriptRun
from models.actions.service import RollBack
from models.service.service import RollBackScript
from tests.parts.servers.docker_engine import docker_service

OWN_VARIABLE = "PYTEST_CURRENT_TEST"
"""A variable of this process, as a token is one of the worker's."""
ALWAYS_GIVEN = {
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
    *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
}


def run(directory: Path, *command: str, environment: tuple[str, ...] = ()) -> None:
    script = RollBackScript(command=command, directory=str(directory), environment=environment)
    service = docker_service("backend")
    action = RollBack(service=service, from_version="shop:2", script=script)
    ScriptRun(Managers(DockerEngine("unix:///nowhere")).of(service), action, script).act()


@pytest.mark.parametrize("named", [(), (OWN_VARIABLE,)])
def test_a_rollback_script_gets_what_the_configuration_names_and_no_token(
    tmp_path: Path, named: tuple[str, ...]
) -> None:
    run(tmp_path, "/bin/sh", "-c", "tr '\\0' '\\n' < /proc/$$/environ > got", environment=named)
    got = {line.partition("=")[0] for line in (tmp_path / "got").read_text().splitlines() if "=" in line}
    assert OWN_VARIABLE in os.environ
    assert "PATH" in got
    assert {name for name in got - ALWAYS_GIVEN if not name.startswith("DOCKER_")} == set(named)


def test_a_rollback_script_whose_variable_is_not_set_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="the variable NOT_SET_1 is not set: set it for the worker"):
        run(tmp_path, "/bin/sh", "-c", "touch ran", environment=("NOT_SET_1",))
    assert not (tmp_path / "ran").exists()
