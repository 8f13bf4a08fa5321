"""A supervisord that asks for a user and a password, at its unix socket and at its port."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.managers.manager import ManagerUnreachable
from activities.managers.supervisord import SupervisordManager
from activities.stack.engines import EngineActivities
from models.checks.status import EngineOf
from models.evidence.evidence import Finding
from models.service import service as configured
from models.service.secret import SecretRef
from models.service.service import Service
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord

LOGIN = ("ops", "pass: word")


@pytest.mark.parametrize("inet", [False, True])
def test_it_is_asked_with_the_user_and_the_password(
    start_supervisord: StartSupervisord, tmp_path: Path, inet: bool
) -> None:
    there = start_supervisord(LOGIN, app=SLEEPS)
    where = f"http://127.0.0.1:{there.port}" if inet else str(there.socket)

    def manager(password: str | None) -> configured.SupervisordManager:
        if password is None:
            return configured.SupervisordManager(program="app", socket=where)
        (tmp_path / "password").write_text(f"{password}\n")
        secret = SecretRef(file=str(tmp_path / "password"))
        return configured.SupervisordManager(program="app", socket=where, username=LOGIN[0], password=secret)

    for wrong, cure in ((None, "set manager.username"), ("guessed", "correct manager.username")):
        with pytest.raises(ManagerUnreachable, match=cure):
            SupervisordManager(manager(wrong)).state()
    right = manager(LOGIN[1])
    assert SupervisordManager(right).state().finding is Finding.OK
    seen = EngineActivities().look_at_engine(EngineOf(service=Service(name="app", manager=right)))
    assert "1 of 1 programs run" in seen.reason
    (tmp_path / "password").unlink()
    with pytest.raises(ManagerUnreachable, match="no password for supervisord: cannot read"):
        SupervisordManager(right).state()
