"""Edits a service's env file: shows the diff, applies it, and keeps a backup.

Used to enlarge an exhausted connection pool. A person approves the exact diff; if the file has changed
since, nothing is done. The backup beside the file is named by the time of the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from pydantic import Field
from temporalio import activity

from activities.files.env_edit import CannotEdit, diff, edit, looks_secret, values_in
from activities.files.env_files import EnvFile, FileTrouble, keep, read, replace
from activities.managers import ManagerError, ManagerRefused, Managers, ServiceManager, Unsupported
from activities.service.outcomes import Outcome
from activities.service.run_once import SETTLES_WITHIN, once
from activities.support.redaction import clean
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import SetEnvironment
from models.base import in_number
from models.evidence.evidence import Evidence, Finding
from models.redaction.shapes import REDACTED
from models.service.request import ServiceRequest
from models.service.service import Service

_ROUNDED = timedelta(milliseconds=20)
"""The kernel counts the start of a process in hundredths of a second, and cuts the rest off."""


class ProposeEnvironment(ServiceRequest):
    """Ask how the service's env file would change if these settings were made. Changes nothing."""

    values: dict[str, str] = Field(min_length=1)


class EnvironmentProposal(Evidence):
    """The exact change of the env file, for the person who approves it. `ok` when it can be made.

    Secrets in the lines around the change are hidden; a setting that is itself a secret is refused.
    """

    file: str = ""
    values: dict[str, str] = {}
    diff: str = ""
    unchanged: bool = False
    """The file has these settings already."""


class EnvironmentActivities:
    """Reads and edits env files of this host, and recreates their services through the managers."""

    def __init__(self, managers: Managers, settles_within: timedelta = SETTLES_WITHIN) -> None:
        self._managers = managers
        self._settles_within = settles_within

    @activity.defn
    def propose_environment(self, request: ProposeEnvironment) -> EnvironmentProposal:
        """The diff of the file, without secrets; `unknown` when it cannot be edited."""
        service, values = request.service, request.values
        now = datetime.now(UTC)
        try:
            file = file_of(service)
            edited = edit(file.text, values)
        except (CannotEdit, FileTrouble, Unsupported) as trouble:
            return EnvironmentProposal(reason=str(trouble), observed_at=now, values=values)
        change = diff(file.text, edited, str(service.env_file), values)
        reason = f"{in_number(len(values), 'setting')} would be changed in {service.env_file}"
        return EnvironmentProposal(
            finding=Finding.OK,
            reason=reason if change else f"{service.env_file} has these settings already",
            observed_at=now,
            file=str(service.env_file),
            values=values,
            diff=change,
            unchanged=not change,
        )

    @activity.defn(no_thread_cancel_exception=True)
    def set_environment(self, request: Perform[SetEnvironment]) -> ActionResult:
        """Edit the file exactly as it was approved, and recreate the service so that it reads it.

        If the service cannot be recreated, the file is restored.
        """
        action, asked_at = request.action, request.asked_at
        manager = self._managers.of(action.service)
        return once(
            action.says,
            lambda: _set(manager, action, asked_at),
            lambda: _edit_and_recreate(manager, action, asked_at),
            self._settles_within,
        )


def file_of(service: Service) -> EnvFile:
    """The env file of a service. Raises `Unsupported` where none is configured, and `FileTrouble`."""
    if service.env_file is None:
        raise Unsupported(f"no env_file is configured for {service.name}")
    return read(service.env_file)


def _read(action: SetEnvironment) -> EnvFile:
    """The file of the action, which must be the configured one."""
    if action.file != action.service.env_file:
        raise Unsupported(f"{action.file} is not the env file that is configured for {action.service.name}")
    try:
        return file_of(action.service)
    except FileTrouble as trouble:
        raise ManagerRefused(str(trouble)) from trouble


def _set(manager: ServiceManager, action: SetEnvironment, asked_at: datetime) -> Outcome:
    file = _read(action)
    outcome = _in_force(manager, file, action.values)
    backup = file.backup(asked_at)
    if outcome.happened and backup.exists():
        kept = f"{outcome.found}; the backup is {backup.name}"
        return Outcome(True, kept, outcome.state, outcome.started_at)
    return outcome


def _in_force(manager: ServiceManager, file: EnvFile, settings: Mapping[str, str | None]) -> Outcome:
    """Whether the file has the settings, and the service runs with them."""
    written = values_in(file.text)
    started_with = manager.environment()
    state = _told({key: (started_with or written).get(key) for key in settings})
    seen = manager.state()
    if any(written.get(key) != value for key, value in settings.items()):
        return Outcome(False, f"{file.path} does not have {_told(settings)}", state, seen.started_at)
    if started_with is None:
        reached = seen.started_at is not None and seen.started_at + _ROUNDED > file.written_at
    else:
        reached = all(started_with.get(key) == value for key, value in settings.items())
    if not reached:
        found = f"{file.path} has {_told(settings)}, but the service does not run with it: {seen.reason}"
        return Outcome(False, found, state, seen.started_at)
    found = f"it was started with {_told(settings)}"
    if not seen.running:
        found += f", but is not running now: {seen.reason}"
    return Outcome(True, found, state, seen.started_at)


def _edit_and_recreate(manager: ServiceManager, action: SetEnvironment, asked_at: datetime) -> None:
    file = _read(action)
    with _told_as_refusal():
        backup = file.backup(asked_at)
        before = read(str(backup)) if backup.exists() else file
        if before is file or edit(before.text, action.values) != file.text:
            # Not edited by an earlier attempt of this very action.
            edited = edit(file.text, action.values)
            if diff(file.text, edited, action.file, action.values) != action.diff:
                raise ManagerRefused(f"{action.file} was changed since this was planned: plan it again")
            _refuse_other_options(manager, file, action)
            keep(file, backup)
            before, file = file, replace(file, edited)
    _recreate(manager, file, before.text, action.values, _earlier(before, action))


def _refuse_other_options(manager: ServiceManager, file: EnvFile, action: SetEnvironment) -> None:
    """Of a heap's setting the limit alone may be changed: other options would run code in the service."""
    heap = action.service.heap_limit
    if heap is None or heap.key not in action.values:
        return
    stands = values_in(file.text).get(heap.key) or (manager.environment() or {}).get(heap.key, "")
    if action.values[heap.key] not in (stands, heap.raised(stands)):
        raise ManagerRefused(f"more of {heap.key} would be changed than {heap.option}: nothing was done")


def _recreate(
    manager: ServiceManager,
    file: EnvFile,
    otherwise: str,
    settings: Mapping[str, str | None],
    other_settings: Mapping[str, str | None],
) -> None:
    """Recreate the service with the file as it is now; restore the earlier text if that fails."""
    before = manager.state()
    try:
        manager.recreate(settings)
    except (ManagerRefused, Unsupported) as error:
        try:
            replace(file, otherwise)
        except FileTrouble as trouble:
            raise type(error)(f"{error}; the file could not be restored: {trouble}") from error
        now = manager.state()
        if (now.started_at, now.running) != (before.started_at, before.running):
            with suppress(ManagerError):  # the first error is the one to report
                manager.recreate(other_settings)
        raise type(error)(f"{error}; {file.path} was restored") from error


def _earlier(before: EnvFile, action: SetEnvironment) -> dict[str, str | None]:
    stood = values_in(before.text)
    return {key: stood.get(key) for key in action.values}


def _told(settings: Mapping[str, str | None]) -> str:
    """The settings in words, without secrets."""
    shown = (
        f"no {key}" if value is None else f"{key}={REDACTED if looks_secret(key) else clean(value, 120)}"
        for key, value in settings.items()
    )
    return ", ".join(shown)


@contextmanager
def _told_as_refusal() -> Iterator[None]:
    try:
        yield
    except (CannotEdit, FileTrouble) as trouble:
        raise ManagerRefused(str(trouble)) from trouble
