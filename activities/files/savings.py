"""How an env file would change if its settings saved more: several at once, each with the whole diff.

A setting is only changed so that it saves. One that saves as much already, one whose value is not known,
and one that is no number stay as they are, and that is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio import activity

from activities.files.env_edit import CannotEdit, diff, edit, values_in
from activities.files.env_files import EnvFile, FileTrouble
from activities.files.environment import file_of
from activities.managers import ManagerError, Managers, Unsupported
from activities.support.redaction import clean
from models.base import Model
from models.evidence.evidence import Evidence, Finding
from models.service.costs import Limit
from models.service.request import ServiceRequest


class ProposeSavings(ServiceRequest):
    """Ask how the service's env file would change within these limits. Changes nothing.

    `options` are several sets of settings, by name; each is proposed by itself.
    """

    options: dict[str, dict[str, Limit]]


class Saving(Model):
    """One exact change of the env file. Without `values` there is nothing to change."""

    values: dict[str, str] = {}
    diff: str = ""
    left: tuple[str, ...] = ()
    """Why the others stay as they are, a sentence each."""


class SavingsSeen(Evidence):
    """`ok` when the file can be edited, also where nothing in it would be changed."""

    file: str = ""
    options: dict[str, Saving] = {}


class SavingActivities:
    """Reads env files of this host, and what their services run with."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def propose_savings(self, request: ProposeSavings) -> SavingsSeen:
        """The exact changes; `unknown` when the file cannot be edited. Never raises for its trouble."""
        service, now = request.service, datetime.now(UTC)
        try:
            file = file_of(service)
            runs_with = self._managers.of(service).environment()
            options = {
                name: _saving(file, str(service.env_file), limits, runs_with)
                for name, limits in request.options.items()
            }
        except (CannotEdit, FileTrouble, Unsupported, ManagerError) as trouble:
            return SavingsSeen(reason=str(trouble), observed_at=now)
        keys = sorted({key for one in options.values() for key in one.values})
        could = f"{', '.join(keys)} would save" if keys else "no setting would save more"
        return SavingsSeen(
            finding=Finding.OK,
            reason=f"in {service.env_file}: {could}",
            observed_at=now,
            file=str(service.env_file),
            options=options,
        )


def _saving(
    file: EnvFile, name: str, limits: Mapping[str, Limit], runs_with: Mapping[str, str] | None
) -> Saving:
    written = values_in(file.text)
    values: dict[str, str] = {}
    left: list[str] = []
    for key, limit in limits.items():
        runs = (runs_with or {}).get(key)
        value = _value(limit, written.get(key, runs))
        if isinstance(value, str):
            left.append(f"{key} {value}")
        elif (saves := limit.saves(value)) is not None:
            values[key] = _written(saves)
        elif key in written and _runs_with_more(limit, runs):
            values[key] = written[key]
        else:
            left.append(f"{key} is {_written(value)} already")
    edited = edit(file.text, values) if values else file.text
    return Saving(values=values, diff=diff(file.text, edited, name, values), left=tuple(left))


def _value(limit: Limit, stands: str | None) -> float | str:
    """The number of a setting, or why it has none. Nothing and less often mean off, or without a limit."""
    if stands is None:
        return "stands nowhere, and its default is not configured" if limit.default is None else limit.default
    try:
        value = float(stands)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return f"is no number: {clean(stands, 40)}"
    return value if value > 0 else f"is {_written(value)}, which may mean that it is off, or has no limit"


def _runs_with_more(limit: Limit, runs: str | None) -> bool:
    """The file saves, and the service was not recreated since."""
    value = _value(limit, runs) if runs is not None else ""
    return not isinstance(value, str) and limit.saves(value) is not None


def _written(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
