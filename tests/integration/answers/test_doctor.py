"""Doctor looks whether the commands of answers could be run, without running them."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.doctor.answers import check_answers
from models.configuration.configuration import Configuration
from models.examined import Check, Grade


def checks(program: Path, host: str | None = None) -> list[Check]:
    content = {
        "services": {
            "web": {"manager": {"kind": "docker", "container": "web"}},
            "far": {"manager": {"kind": "docker", "container": "far"}, "host": "far-1"},
        },
        "alerts": {
            "Near": {"service": "web", "answer": {"look": [str(program)], "act": ["/bin/true"]}},
            "Far": {"service": "far", "answer": {"act": "restart", "environment": ["NOT_SET_1"]}},
        },
    }
    return list(check_answers(Configuration.of(content, ()), host))


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ("#!/bin/sh\n", 0o755, ""),
        ("#!/usr/bin/env sh\n", 0o755, ""),
        (None, 0o755, "there is no such program"),
        ("#!/bin/sh\n", 0o644, "it may not be executed"),
        ("echo hello\n", 0o755, "it does not begin with #!"),
        ("", 0o755, "it does not begin with #!"),
        ("#!/bin/sh\r\n", 0o755, "ends as on Windows"),
        ("#!/no/python\n", 0o755, "its interpreter /no/python is not there"),
        ("#!/bin/sh\n", 0o757, "everybody on its host may write it"),
    ],
)
def test_a_program_that_would_not_run_is_named_with_its_cure(
    tmp_path: Path, text: str | None, mode: int, problem: str
) -> None:
    program, ran = tmp_path / "look", tmp_path / "ran"
    if text is not None:
        program.write_text(f"{text}/usr/bin/touch {ran}\n" if text.startswith("#!/bin/sh\n") else text)
        program.chmod(mode)
    look, act = checks(program)
    assert act.ok, "a binary is no script"
    assert problem in look.problem
    assert look.ok == (not problem)
    assert look.grade is (Grade.OK if not problem else Grade.ATTENTION if mode == 0o757 else Grade.PROBLEM)
    assert look.ok or look.cure
    assert not ran.exists(), "nothing is run"


def test_the_worker_of_a_host_looks_at_its_own_answers(tmp_path: Path) -> None:
    (told,) = checks(tmp_path, "far-1")
    assert told.problem == "NOT_SET_1 not set, so nothing would be run"
