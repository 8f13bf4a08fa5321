"""`maintenance` and `suspend`, typed: what is taken, what is refused, and what holds without a worker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker
from typer.testing import CliRunner

import starter
from activities.incidents.control_room import read_control_room
from models.incident.stewardship import ControlRoomState
from models.names import TASK_QUEUE
from runtime.people.signing import user_of_this_machine
from tests.parts.product.commands import Person
from tests.parts.product.intake import TemporalServer, environment, until, who_says
from workflows.stewardship.control_room import ControlRoom

USER = user_of_this_machine()

DONE, FAILED, USAGE, UNREACHABLE, REFUSED = range(5)
BACKEND = ("--service", "backend", "--why", "a migration")


@pytest.fixture(scope="module")
def person(temporal: TemporalServer, client: Client, config: Path) -> Person:
    return Person(environment(temporal.address, RUNBOOKS_CONFIG=str(config)))


async def test_without_a_worker_suspend_is_recorded_and_holds_as_soon_as_one_runs(
    temporal: TemporalServer, config: Path
) -> None:
    """The first test of this module: none before it starts the worker of the others."""
    person, client = (
        Person(environment(temporal.address, RUNBOOKS_CONFIG=str(config))),
        await temporal.client(),
    )
    said = await person.types("suspend", "--why", "moving the database", "--by", "ada")
    assert (said.code, said.err) == (DONE, "")
    assert "recorded; holds from the moment a worker starts" in said.out

    async def taken() -> ControlRoomState | None:
        state = await read_control_room(client)
        return state if state.suspended else None

    async with Worker(client, task_queue=TASK_QUEUE, workflows=[ControlRoom], **who_says()):
        assert (await until(taken)).why == "moving the database"
        assert (await person.types("resume", "--json")).document["in_force"] is True
        assert (await read_control_room(client)).suspended is False


async def test_a_window_is_begun_listed_and_ended(person: Person) -> None:
    begun = await person.types("maintenance", "start", *BACKEND, "--for", "30m", "--by", "ada", "--json")
    assert begun.code == DONE, begun.err
    window = begun.document["id"]
    assert (begun.document["service"], begun.document["in_force"]) == ("backend", True)
    for command in (("maintenance", "list"), ("status",)):
        shown = (await person.types(*command)).out
        assert re.search(
            rf"in maintenance backend .* by {USER} \(as ada\): a migration \({window}\)", shown
        ), command
    assert (await person.types("maintenance", "end", window)).code == DONE
    assert (await person.types("maintenance", "list")).out == "No maintenance.\n"
    again = await person.types("maintenance", "end", window)
    assert (again.code, "no window" in again.err) == (REFUSED, True)


async def test_a_window_is_planned_once_or_again_and_again(person: Person) -> None:
    weekly = ("--at", "02:00", "--on", "sunday", "--zone", "Europe/Berlin", "--for", "2h")
    planned = await person.types("maintenance", "plan", "--fleet", "--why", "updates", *weekly, "--json")
    assert planned.code == DONE, planned.err
    assert (planned.document["in_force"], planned.document["again"]["weekdays"]) == (False, ["sunday"])
    once = await person.types("maintenance", "plan", *BACKEND, "--at", "2099-01-02 03:04", "--for", "1h")
    assert "2099-01-02 03:04 to 2099-01-02 04:04 UTC" in once.out
    listed = await person.types("maintenance", "list")
    assert "planned the fleet" in listed.out
    assert "again Sunday at 02:00, Europe/Berlin" in listed.out
    for line in (await person.types("maintenance", "list", "--json")).document:
        assert (await person.types("maintenance", "end", line["id"])).code == DONE


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("start", *BACKEND), USAGE, "always has an end"),
        (("start", *BACKEND, "--for", "8d"), USAGE, "at most 168 hours"),
        (("start", *BACKEND, "--for", "soon"), USAGE, "not a duration"),
        (("start", "--service", "backend", "--for", "1h"), USAGE, "--why"),
        (("start", "--for", "1h", "--why", "x"), USAGE, "--fleet"),
        (("start", "--fleet", *BACKEND, "--for", "1h"), USAGE, "--fleet"),
        (("start", "--service", "bakcend", "--for", "1h", "--why", "x"), USAGE, "did you mean backend?"),
        (("plan", *BACKEND, "--for", "1h"), USAGE, "--at"),
        (("plan", *BACKEND, "--for", "1h", "--at", "2001-01-01 00:00"), USAGE, "over already"),
        *(
            (("plan", *BACKEND, "--for", "1h", "--at", at, "--zone", zone), USAGE, says)
            for at, zone, says in (
                ("9999-12-31 23:00", "America/New_York", "--at: write when it begins"),
                ("0001-01-01 00:00", "Asia/Tokyo", "--at: write when it begins"),
                ("9999-12-31 23:30", "UTC", "in the year 9000 or before"),
                ("0001-01-01 00:00", "UTC", "over already"),
            )
        ),
        (("plan", *BACKEND, "--for", "1h", "--at", "02:00", "--on", "someday"), USAGE, "--on daily"),
        (("plan", *BACKEND, "--for", "1h", "--at", "02:00", "--on", "daily", "--zone", "X"), USAGE, "--zone"),
    ],
)
def test_what_is_no_window_is_refused(config: Path, words: tuple[str, ...], code: int, says: str) -> None:
    ended = CliRunner(env={"RUNBOOKS_CONFIG": str(config)}).invoke(starter.app, ["maintenance", *words])
    assert (ended.exit_code, ended.stdout) == (code, ""), ended.stderr
    assert says in ended.stderr
