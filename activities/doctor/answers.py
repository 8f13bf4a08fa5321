"""Whether the commands by which the configuration answers alerts could be run here, without running them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from activities.support.redaction import clean
from activities.support.regular_files import file_at
from models.answers.answer import Answer
from models.configuration.configuration import Configuration
from models.examined import Check, Kind

_BINARY = b"\x7fELF"


def check_answers(configuration: Configuration, host: str | None) -> Iterator[Check]:
    """The answers to alerts whose service runs on this host, or is only named by the alert."""
    for alert, rule in configuration.alerts.items():
        if rule.answer is None:
            continue
        if rule.service is None or configuration.services[rule.service].host == host:
            yield from _of_answer(alert, rule.answer)


def _of_answer(alert: str, answer: Answer) -> Iterator[Check]:
    place = f"alerts.{alert}.answer"
    if unset := [one for one in answer.environment if one not in os.environ]:
        cure = f"set what {place}.environment names for the worker and restart it"
        problem = f"{', '.join(unset)} not set, so nothing would be run"
        yield Check(name=place, ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE)
    commands = {"look": answer.look, "act": None if answer.restarts else answer.act, "verify": answer.verify}
    for key, command in commands.items():
        if command:
            yield _of_program(f"{place}.{key}", command[0])


def _of_program(place: str, program: str) -> Check:
    problem, serious = why_not_run(program), True
    cure = f"correct {place}, or put the program there for the user that runs the worker"
    if not problem and Path(program).stat().st_mode & stat.S_IWOTH:
        problem, serious = "everybody on its host may write it, and so say what the worker does", False
        cure = f"chmod o-w {program}"
    return Check(
        name=place,
        ok=not problem,
        problem=problem and f"{clean(program, 200)}: {problem}",
        cure=cure if problem else "",
        kind=Kind.MISTAKE,
        optional=not serious,
    )


def why_not_run(program: str) -> str:
    """Why this program would not begin for this user; empty when it would."""
    path = Path(program)
    try:
        if not path.exists():
            return "there is no such program"
        if not path.is_file():
            return "this is not a file"
        if not os.access(path, os.X_OK):
            return "it may not be executed"
        with file_at(path) as file:
            first = file.readline(256)
    except PermissionError as error:
        return "" if os.access(path, os.X_OK) else error.strerror or "it may not be read"
    except OSError as error:
        return error.strerror or type(error).__name__
    return _why_no_interpreter(first)


def _why_no_interpreter(first: bytes) -> str:
    """Of a script: the kernel names a missing interpreter as if the script itself were missing."""
    if first.startswith(_BINARY):
        return ""
    if not first.startswith(b"#!"):
        return "it does not begin with #! and an interpreter, such as #!/bin/sh"
    words = first[2:].decode(errors="replace").split(maxsplit=1)
    if b"\r" in first:
        return "its first line ends as on Windows: write it with Unix line ends"
    if not words or not Path(words[0]).is_file():
        return f"its interpreter {clean(words[0], 100) if words else ''} is not there"
    return ""
