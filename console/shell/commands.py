"""Every command, and the module that is imported when it is typed: `--help` and the Tab key wait for none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from console.shell.completing import Completer, alerts, incidents, open_incidents, services
from console.shell.importing import imported

_INCIDENTS = "Incidents"
_FLEET = "Services and the fleet"
_CHECKS = "Scheduled checks"
_PRODUCT = "The product itself"


@dataclass(frozen=True)
class Row:
    """One command, or one group of them."""

    name: str
    module: str
    """It has an `app` with this command, or which is this group."""
    panel: str
    says: str
    first: Completer | None = None
    """What the Tab key offers as its first argument."""
    begins: bool = True
    """Whether it speaks with Temporal or reads the configuration."""


ROWS = (
    Row("list", "console.show", _INCIDENTS, "List open incidents, then those that closed last."),
    Row(
        "show",
        "console.show",
        _INCIDENTS,
        "Show one incident: its phase, its pending question, what was found, its timeline.",
        incidents,
    ),
    Row(
        "watch",
        "console.live.watch",
        _INCIDENTS,
        "Follow one incident until it closes. With --json, print its final state.",
        open_incidents,
    ),
    Row(
        "approve",
        "console.respond",
        _INCIDENTS,
        "Approve the pending plan of an incident, or one of several by its digest. Shows the plan, and asks.",
        open_incidents,
    ),
    Row(
        "deny",
        "console.respond",
        _INCIDENTS,
        "Deny the pending plan of an incident, and all others that are offered.",
        open_incidents,
    ),
    Row(
        "ack",
        "console.respond",
        _INCIDENTS,
        "Acknowledge an incident: no further rung of the escalation is paged.",
        open_incidents,
    ),
    Row("note", "console.respond", _INCIDENTS, "Add a note to an incident's timeline.", open_incidents),
    Row(
        "done",
        "console.respond",
        _INCIDENTS,
        "Close an incident: you have repaired it, or nothing is left to do.",
        open_incidents,
    ),
    Row(
        "retry",
        "console.respond",
        _INCIDENTS,
        "Let an escalated incident look and act again, also after a denial.",
        open_incidents,
    ),
    Row(
        "propose",
        "console.respond",
        _INCIDENTS,
        "Propose what an escalated incident is to do: it is looked at, asked about, done and verified.",
        open_incidents,
    ),
    Row(
        "review",
        "console.past.review",
        _INCIDENTS,
        "Print the review of an incident: from its file, or from what Temporal still has.",
        incidents,
    ),
    Row(
        "fire",
        "console.fire",
        _INCIDENTS,
        "Fire an alert by hand: start its incident, or signal the one that is open.",
        alerts,
    ),
    Row(
        "dry-runs",
        "console.past.dry_runs",
        _INCIDENTS,
        "Report what dry runs would have done, and how often that would have been right by what people did.",
    ),
    Row(
        "status",
        "console.status",
        _FLEET,
        "Show services, monitoring, logs, databases and workflows. Exits with 1 when something is bad.",
    ),
    Row("service", "console.service", _FLEET, "Show or unblock a service."),
    Row(
        "deployed",
        "console.deployed",
        _FLEET,
        "Record a deployment of a service of the configuration, so that a rollback knows the versions.",
        services,
    ),
    Row("maintenance", "console.maintenance", _FLEET, "Pause incidents for a time of maintenance."),
    Row(
        "suspend",
        "console.control_room",
        _FLEET,
        "Stop all new actions at once: incidents look, and wait quietly until `resume`.",
    ),
    Row(
        "resume",
        "console.control_room",
        _FLEET,
        "Allow actions again: every incident that waited looks again, and goes on.",
    ),
    Row(
        "check",
        "console.checks.check",
        _CHECKS,
        "Run a check and show what it finds. Exits with 1 when something is bad.",
    ),
    Row("schedules", "console.checks.schedules", _CHECKS, "When the checks run."),
    Row(
        "serve",
        "console.serve",
        _PRODUCT,
        "Run the intake: take alerts from Alertmanager and decisions from people over HTTP.",
    ),
    Row(
        "doctor",
        "console.checks.doctor",
        _PRODUCT,
        "Check everything that the product needs, from here and from the workers.",
    ),
    Row("notify", "console.checks.notify", _PRODUCT, "Try the channels that people are told through."),
    Row("audit", "console.past.audit", _PRODUCT, "Prove that nothing of the stored incidents was changed."),
    Row("new", "console.kit.new", _PRODUCT, "Begin something new."),
    Row(
        "completion",
        "console.completion",
        _PRODUCT,
        "Print what makes a shell complete commands.",
        begins=False,
    ),
)
_BY_NAME = {row.name: row for row in ROWS}


def loaded(name: str) -> Any:
    """The command or group of this name, with its options. Imports its module."""
    group = get_group(imported(_BY_NAME[name].module).app)
    group.name = name
    return group.commands.get(name, group)


class Commands(TyperGroup):
    """The commands; one is imported when it is typed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        row = _BY_NAME.get(name or "")
        if row is None:
            return name, found, rest
        has_options = any(word.startswith("-") for word in rest)
        if ctx.resilient_parsing and row.first is not None and not has_options:
            return name, found, rest  # the Tab key asks for its first argument
        found = loaded(row.name)
        if row.begins and not ctx.resilient_parsing:
            imported("console.shell.begin").begin()
        return name, found, rest


class NotLoaded(TyperCommand):
    """Stands for a command where only its name, its summary or its first argument is asked for."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Its options."""
        is_option = incomplete.startswith("-")
        return list(loaded(str(self.name)).shell_complete(ctx, incomplete)) if is_option else []


def register(app: typer.Typer) -> None:
    """Add every command, without what it imports. `app` must be of the class `Commands`."""
    for row in ROWS:
        add = app.command(row.name, cls=NotLoaded, help=row.says, rich_help_panel=row.panel)
        add(_taking(row.first))


def _taking(first: Completer | None) -> Callable[..., None]:
    if first is None:
        return lambda: None
    argument = typer.Argument("", autocompletion=first)

    def command(first: str = argument) -> None: ...

    return command
