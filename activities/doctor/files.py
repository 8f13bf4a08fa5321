"""Files, directories and programs that a runbook would use, looked at without using them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx

from activities.files import env_files
from activities.files.diagnostic import why_not
from activities.files.old_files import opened, unreadable
from models.configuration.configuration import Configuration
from models.examined import Check, Kind
from models.service.service import RollBackScript, Service
from models.service.surroundings import CleanUp


def check_files(service: Service) -> Iterator[Check]:
    """What one service names. A link in such a path is refused when it is used, and so it is here."""
    if service.env_file:
        yield check_env_file(service)
    if service.clean_up:
        yield check_clean_up(service.name, service.clean_up)
    if service.diagnostic:
        yield check_diagnostic(service)
    if service.rollback:
        yield from check_rollback(service.name, service.rollback)


def check_env_file(service: Service) -> Check:
    """Read as the runbooks read it."""
    name = f"env file of {service.name}"
    try:
        env_files.read(service.env_file or "")
    except env_files.FileTrouble as trouble:
        return Check(name=name, ok=False, problem=str(trouble), kind=Kind.MISTAKE)
    return Check(name=name, ok=True)


def check_clean_up(service: str, clean_up: CleanUp) -> Check:
    """Its directory can be opened without following a link."""
    name = f"clean-up of {service}"
    try:
        with opened(clean_up):
            return Check(name=name, ok=True)
    except OSError as error:
        problem = unreadable(clean_up, error)
    cure = f"write the path of the directory itself, without links, into services.{service}.clean_up"
    return Check(name=name, ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE)


def check_diagnostic(service: Service) -> Check:
    """Whether the directory in which diagnostics appear is there, with room for one and its copy."""
    problem = why_not(service.diagnostic) if service.diagnostic else ""
    cure = f"correct services.{service.name}.diagnostic" if problem else ""
    name = f"diagnostics of {service.name}"
    return Check(name=name, ok=not problem, problem=problem, cure=cure, kind=Kind.MISTAKE, optional=True)


def check_rollback(service: str, script: RollBackScript) -> Iterator[Check]:
    """Its program is there, and every variable that it is to get is set for this process."""
    name, place = f"rollback of {service}", f"services.{service}.rollback"
    missing = [one for one in script.environment if one not in os.environ]
    if missing:
        unset = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set, so it would not run"
        cure = f"set what {place}.environment names for the worker and restart it"
        yield Check(name=name, ok=False, problem=unset, cure=cure, kind=Kind.MISTAKE)
        return
    problem = ""
    program = script.command[0]
    if not Path(script.directory).is_dir():
        problem = f"there is no directory {script.directory}"
    elif shutil.which(_as_run(program, script.directory)) is None:
        problem = f"there is no program {program} that may be run"
    cure = f"correct {place}, or start the worker where it is" if problem else ""
    yield Check(name=name, ok=not problem, problem=problem, cure=cure, kind=Kind.MISTAKE)


def check_directories(configuration: Configuration) -> Check:
    """Reviews and reports can be written."""
    name = "directory of the reviews"
    wanted = Path(configuration.directories.reviews).absolute()
    there = next(one for one in (wanted, *wanted.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check(name=name, ok=True)
    problem = f"{there} is {'not writable' if there.is_dir() else 'not a directory'}"
    cure = "let the worker write there, or correct directories.reviews"
    return Check(name=name, ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE)


def check_certificates() -> Iterator[Check]:
    """What `SSL_CERT_FILE` names, where it is set, can be read."""
    if not os.environ.get("SSL_CERT_FILE"):
        return
    problem = cure = ""
    try:
        httpx.create_ssl_context()
    except OSError as error:
        why = error.strerror or type(error).__name__
        problem = f"SSL_CERT_FILE holds no certificates that can be read ({why})"
        cure = "correct the file, or the variable for this process: until then it can ask nothing by https"
    yield Check(name="certificates", ok=not problem, problem=problem, cure=cure, kind=Kind.MISTAKE)


def _as_run(program: str, directory: str) -> str:
    """A path with a slash is below the script's directory; a bare name is looked for in `PATH`."""
    return str(Path(directory, program).absolute()) if "/" in program else program
