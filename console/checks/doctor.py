"""`doctor`: checks everything that the product needs, from here and from the workers, and names the cure."""

from __future__ import annotations

import asyncio

import typer
from temporalio.client import Client

from activities.doctor.examine import digest_of, examined
from activities.doctor.secrets import check_secret, secrets_in
from activities.doctor.signing import names_of_keys
from activities.managers import Managers
from console.checks.asked_workers import Answers, ask_workers, nobody_to_ask
from console.checks.schedule_checks import check_schedules_of_checks
from console.checks.seen import HERE, merged
from console.checks.temporal_disk import check_disk
from console.fire import Config
from console.output import AsJson, Exit, as_json, out, run, safe
from console.shell.examples import examples
from models.configuration.configuration import Configuration
from models.examined import Check, Grade, Kind
from runtime import settings
from runtime.alive.queues import check_queues, hosts_of
from runtime.connection import ConnectionMisconfigured, TemporalUnreachable, connect
from runtime.readiness import check_search_attributes, check_temporal, check_version
from runtime.stuck_runs import check_runs
from runtime.systems.outgoing import outgoing

app = typer.Typer()

_CODES = {Kind.AWAY: Exit.UNREACHABLE, Kind.MISTAKE: Exit.USAGE, Kind.TROUBLE: Exit.FAILED}
"""The worst first."""
_COLOURS = {Grade.OK: "green", Grade.ATTENTION: "yellow", Grade.PROBLEM: "red"}


@app.command(epilog=examples("doctor"))
def doctor(config: Config = None, json: AsJson = False) -> None:
    """Check everything that the product needs, from here and from the workers.

    Exits with 0 when there is no problem; with 3 when a system does not answer or nobody works, else 2
    when the configuration, a secret or a file must be corrected, else 1.
    """
    read, configuration = _configuration(config)
    checks = merged([read, *run(_look(configuration))])
    code = code_of(checks) if configuration else Exit.USAGE
    if json:
        told = [{**check.model_dump(mode="json"), "grade": check.grade} for check in checks]
        as_json({"ok": code is Exit.DONE, "checks": told})
    else:
        width = max(len(check.seen_from) for check in checks)
        for check in checks:
            out.print(line_of(check, width))
    if code is not Exit.DONE:
        raise typer.Exit(code)


def line_of(check: Check, width: int) -> str:
    """Its grade, who saw it, and what to do."""
    grade = f"[{_COLOURS[check.grade]}]{check.grade:9}[/{_COLOURS[check.grade]}]"
    line = f"{grade}  {safe(check.seen_from):{width}}  {safe(check.name)}"
    if check.ok:
        return line
    return f"{line}: {safe(check.problem)}{f'. {safe(check.cure)}' if check.cure else ''}"


def code_of(checks: list[Check]) -> Exit:
    """Of the worst problem. What only needs attention is none."""
    kinds = {check.kind for check in checks if check.grade is Grade.PROBLEM}
    return next((code for kind, code in _CODES.items() if kind in kinds), Exit.DONE)


def _configuration(config: Config) -> tuple[Check, Configuration | None]:
    path = settings.path_of(config)
    name = f"configuration {path}"
    try:
        return Check(name=name, ok=True, seen_from=HERE), settings.load(path)
    except settings.ConfigurationError as error:
        problem = "; ".join(str(error).splitlines())
        return Check(name=name, ok=False, problem=problem, kind=Kind.MISTAKE, seen_from=HERE), None


async def _look(configuration: Configuration | None) -> list[Check]:
    temporal, around = await asyncio.gather(_temporal(configuration), _around(configuration))
    return [*temporal, *around]


async def _around(configuration: Configuration | None) -> list[Check]:
    if configuration is None:
        return []
    async with outgoing(lambda: configuration) as http:
        found = await examined(configuration, None, http, Managers())
    intake = [check_secret(place, ref) for place, ref in secrets_in(configuration.intake, "intake")]
    return [_from_here(one) for one in (*found, *intake)]


async def _temporal(configuration: Configuration | None) -> list[Check]:
    try:
        client = await connect()
    except ConnectionMisconfigured as error:
        return [
            Check(name="Temporal", ok=False, problem=str(error), kind=Kind.MISTAKE, seen_from=HERE),
        ]
    except TemporalUnreachable as error:
        return [Check(name="Temporal", ok=False, problem=str(error), seen_from=HERE)]
    if configuration is None:
        return [_from_here(one) for one in await _of_temporal(client, configuration)]
    hosts = hosts_of(configuration)
    queues = await check_queues(client, hosts)
    nobody = queues[0].grade is Grade.PROBLEM
    answers, of_temporal = await asyncio.gather(
        nobody_to_ask() if nobody else ask_workers(client, hosts), _of_temporal(client, configuration)
    )
    told = [_from_here(one) for one in (*of_temporal, *queues)]
    differ = (*_other_configurations(configuration, answers), *_other_keys(configuration, answers))
    return [*told, *answers.checks, *differ]


async def _of_temporal(client: Client, configuration: Configuration | None) -> list[Check]:
    return [
        await check_temporal(client),
        await check_version(client),
        await check_search_attributes(client),
        await check_runs(client, named=True),
        *check_disk(client.service_client.config.target_host),
        *(await check_schedules_of_checks(client, configuration) if configuration else ()),
    ]


def _other_configurations(configuration: Configuration, answers: Answers) -> list[Check]:
    """A worker elsewhere has a file of its own, and what it says there is done."""
    ours = digest_of(configuration)
    problem = "it has another configuration in force than the one here"
    cure = "give both the same file; until then the checks from here are of the one here"
    return [
        Check(
            name="configuration of the worker",
            ok=same,
            problem="" if same else problem,
            cure="" if same else cure,
            optional=True,
            seen_from=one.by,
        )
        for one in answers.examined
        for same in (one.configuration == ours,)
    ]


def _other_keys(configuration: Configuration, answers: Answers) -> list[Check]:
    """What is signed here with a key that a worker lacks is refused there, or is nobody's word."""
    ours = names_of_keys(configuration)[:1]
    return [
        Check(
            name="signing key of here and the worker",
            ok=same,
            problem=""
            if same
            else f"what is said here is signed with a key that the worker lacks ({ours[0]})",
            cure="" if same else "give both the same approvals.keys, the newest first",
            kind=Kind.MISTAKE,
            seen_from=one.by,
        )
        for one in answers.examined
        if ours and one.host is None
        for same in (ours[0] in one.keys,)
    ]


def _from_here(check: Check) -> Check:
    return check.model_copy(update={"seen_from": HERE})
