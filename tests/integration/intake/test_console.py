"""The commands, each as a process, as a person types them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from models.incident.incident import IncidentState
from models.incident.stewardship import StewardState
from models.names import CONTROL_ROOM_ID, TASK_QUEUE, steward_id
from runtime.people.signing import user_of_this_machine
from tests.parts.product.commands import Person
from tests.parts.product.intake import TemporalServer, environment, until

NUMBERS = count()
USER = user_of_this_machine()
DONE, FAILED, USAGE, UNREACHABLE, REFUSED = range(5)


@pytest.fixture(scope="module")
def person(temporal: TemporalServer, client: Client, config: Path) -> Person:
    return Person(environment(temporal.address, RUNBOOKS_CONFIG=str(config)))


@pytest.fixture
async def incident(person: Person) -> str:
    """An incident of its own for one test, fired by hand."""
    fired = await person.types("fire", f"Typed{next(NUMBERS)}", "--service", "backend", "--json")
    assert fired.code == DONE, fired.err
    return str(fired.document["incident"])


async def state_of(client: Client, incident: str) -> IncidentState:
    handle = client.get_workflow_handle(incident)
    state: IncidentState = await handle.query("state", result_type=IncidentState)
    return state


async def test_fire_starts_and_signals_incidents_as_alertmanager_does(person: Person, client: Client) -> None:
    words = ("fire", "ServiceDown", "--service", "backend", "--label", "zone=a=b", "--severity", "warning")
    first = await person.types(*words, "--by", "anna", "--json")
    again = await person.types(*words)
    assert first.document == {"incident": "ServiceDown/backend", "runbook": "ServiceDown", "taken": "started"}
    assert again.out == "ServiceDown/backend: told (ServiceDown, critical)\n"
    alert = (await state_of(client, "ServiceDown/backend")).alert
    assert alert.labels["zone"] == "a=b"
    assert alert.fired_by == USER, "who fired it last"


@pytest.mark.parametrize(
    "words",
    [
        ("ServiceDown", "--service", "nowhere"),
        ("Service Down", "--service", "backend"),
        ("steward", "--service", "backend"),
        ("ServiceDown", "--service", "backend", "--label", "novalue"),
        ("ServiceDown",),
        ("ServiceDown", "--service", "backend", "--config", "/nonexistent.yaml"),
    ],
)
async def test_fire_with_a_typing_mistake_starts_nothing(person: Person, words: tuple[str, ...]) -> None:
    ended = await person.types("fire", *words)
    assert ended.code == USAGE
    assert ended.err
    assert not ended.out


async def test_list_and_show(person: Person, client: Client, incident: str) -> None:
    async def listed() -> Any:
        return [line for line in (await person.types("list", "--json")).document if line["id"] == incident]

    assert (await until(listed))[0]["open"] is True
    assert incident in (await person.types("list", "--open")).out
    shown = await person.types("show", incident)
    assert "[bold]incident[/bold]" in shown.out, "text from outside is no markup"
    assert "restart backend" in shown.out
    assert (await person.types("show", incident, "--json")).document["id"] == incident


async def test_what_does_not_exist_is_said_in_one_line(person: Person) -> None:
    for words in (("show", "Nothing/here"), ("done", "Nothing/here"), ("show", "nonsense"), ("watch", "x/y")):
        ended = await person.types(*words)
        assert (ended.code, len(ended.err.splitlines()), ended.out) == (FAILED, 1, ""), words


async def test_approve_shows_the_plan_and_names_it(person: Person, client: Client, incident: str) -> None:
    ended = await person.types("approve", incident, "--text", "go", "--by", "anna", "--yes")
    assert ended.code == DONE, ended.err
    assert "restart backend" in ended.err, "the plan is shown before it is decided"
    entry = (await state_of(client, incident)).timeline[-1]
    assert (entry.text, entry.by) == ("approve go", f"{USER} (as anna)")
    assert entry.through.value == "the command line"
    late = await person.types("deny", incident)
    assert (late.code, late.out) == (REFUSED, "")
    assert "waits for no approval" in late.err


async def test_approve_asks_back_at_a_terminal_and_only_a_yes_approves(
    person: Person, client: Client, incident: str
) -> None:
    for answer in ("", "n", "yesterday"):
        refused = await person.answers(answer, "approve", incident)
        assert refused.code == REFUSED, refused.err
        assert refused.err.index("restart backend") < refused.err.index("Approve plan")
        assert "[y/N]" in refused.err
    assert (await state_of(client, incident)).awaiting is not None, "nothing was sent"
    assert (await person.answers("y", "approve", incident)).code == DONE
    assert (await state_of(client, incident)).awaiting is None


async def test_without_a_terminal_approve_needs_yes(person: Person, client: Client, incident: str) -> None:
    refused = await person.types("approve", incident)
    assert (refused.code, refused.out) == (USAGE, "")
    assert "restart backend" in refused.err
    assert "add --yes" in refused.err
    assert (await state_of(client, incident)).awaiting is not None


async def test_a_decision_that_does_not_count_is_refused(person: Person, incident: str) -> None:
    ended = await person.types("deny", incident, "--plan", "000000000000", "--json")
    assert (ended.code, ended.document["accepted"]) == (REFUSED, False)
    rejected = await person.types("approve", incident, "--by", "mallory", "--yes")
    assert rejected.code == REFUSED
    assert "mallory is nobody" in rejected.err


async def test_ack_note_and_done_speak_for_the_user_of_the_machine(
    person: Person, client: Client, incident: str
) -> None:
    for words in (("ack", incident), ("note", incident, "looking at the disk"), ("done", incident)):
        assert (await person.types(*words)).code == DONE
    await client.get_workflow_handle(incident).result()
    said = (await state_of(client, incident)).timeline[1:]
    assert [(entry.text, entry.by) for entry in said] == [
        ("acknowledged", USER),
        ("looking at the disk", USER),
        ("done", USER),
    ]


async def test_watch_follows_until_the_end(person: Person, client: Client, incident: str) -> None:
    watching = asyncio.create_task(person.types("watch", incident))
    ending = asyncio.create_task(person.types("watch", incident, "--json"))
    await person.types("done", incident, "--by", "anna")
    ended = await watching
    assert ended.code == DONE
    assert "began" in ended.out
    assert f"done ({USER} (as anna), through the command line)" in ended.out
    assert ended.out.endswith("phase: closed\n")
    assert (await ending).document["phase"] == "closed"


async def test_the_kill_switch_is_set_and_reset(person: Person, client: Client) -> None:
    assert (await person.types("status", "--json")).document["control_room"]["suspended"] is False
    thrown = await person.types("suspend", "--why", "bad deploy", "--by", "anna", "--json")
    assert (thrown.code, thrown.document["suspended"]) == (DONE, True)
    assert thrown.document["by"] == f"{USER} (as anna)"
    status = await person.types("status")
    assert f"Actions are suspended by {USER} (as anna): bad deploy" in status.out
    assert (await person.types("resume")).out == "Actions are allowed again.\n"
    assert (await client.get_workflow_handle(CONTROL_ROOM_ID).describe()).workflow_type == "ControlRoom"


async def test_the_status_is_a_line_an_item_or_a_page_with_all_its_details(person: Person) -> None:
    overview = await person.types("status")
    assert overview.code == FAILED, "something is bad"
    assert "\nDATABASE\nbad       connection to postgres: nobody answers\n" in overview.out
    assert "twice" not in overview.out
    page = await person.types("status", "database")
    assert page.out.strip().splitlines() == [
        "DATABASE",
        "bad       connection to postgres: nobody answers",
        "          tried [bold]twice[/bold]",
        "          AT     SAID",
        "          09:00  no",
        f"          9:01   {'x' * 150}",
    ]
    logs = await person.types("status", "logs", "--json")
    assert (logs.code, logs.document["state"]) == (DONE, "ok")
    assert "open" not in logs.document
    assert (await person.types("status", "--json")).document["open"] >= 0


@pytest.mark.parametrize(
    "words", [("pages",), ("--service", "nobody"), ("logs", "--search", "x"), ("--watch", "--json")]
)
async def test_a_status_of_what_is_not_there_is_refused(person: Person, words: tuple[str, ...]) -> None:
    ended = await person.types("status", *words)
    assert (ended.code, bool(ended.err)) == (USAGE, True)


async def test_a_service_is_shown_and_unblocked(person: Person, client: Client) -> None:
    assert "held by nobody" in (await person.types("service", "show", "backend")).out
    assert (await person.types("service", "unblock", "backend")).code == FAILED
    until = datetime.now(UTC) + timedelta(hours=1)
    blocked = StewardState(
        service="backend", blocked_until=until, lately={"restart backend": datetime.now(UTC)}
    )
    await client.start_workflow("Steward", blocked, id=steward_id("backend"), task_queue=TASK_QUEUE)
    lines = (await person.types("service", "show", "backend")).out
    assert "blocked: backend is blocked until" in lines
    assert "by starter.py service unblock backend" in " ".join(lines.split())
    assert (await person.types("service", "unblock", "backend")).code == DONE
    shown = await person.types("service", "show", "backend", "--json")
    assert shown.document["blocked_until"] is None
    assert (await person.types("service", "show", "no such")).code == USAGE


async def test_a_service_that_is_not_there_is_refused_and_gets_no_steward(
    person: Person, client: Client
) -> None:
    for words, meant in (
        (("deployed", "nope", "v2"), "known: backend"),
        (("deployed", "backnd", "v2"), "did you mean backend?"),
        (("deployed", "the-backend", "v2"), "did you mean backend?"),
        (("service", "show", "backnd"), "did you mean backend?"),
        (("service", "unblock", "nope"), "known: backend"),
        (("fire", "ServiceDown", "--service", "Backend"), "did you mean backend?"),
        (("list", "--service", "backnd"), "did you mean backend?"),
        (
            ("maintenance", "start", "--service", "backnd", "--for", "1h", "--why", "disks"),
            "did you mean backend?",
        ),
    ):
        ended = await person.types(*words)
        assert (ended.code, meant in ended.err) == (USAGE, True), (words, ended.err)
    for name in ("nope", "backnd", "the-backend", "Backend"):
        with pytest.raises(RPCError):
            await client.get_workflow_handle(steward_id(name)).describe()


async def test_doctor_names_each_problem_and_what_to_do(person: Person) -> None:
    ended = await person.types("doctor")
    assert ended.code == UNREACHABLE, "the supervisord of the configuration does not run"
    lines = ended.out.splitlines()
    wanted = ("Temporal (default)", "Temporal's version", "search attributes")
    temporal = [line for line in lines if any(one in line for one in wanted)]
    assert [line.split()[0] for line in temporal] == ["ok"] * 3
    assert any("what a worker sees" in line and "of another version" in line for line in lines)
    assert any(line.startswith("problem") and "/nonexistent/supervisor.sock" in line for line in lines)
    checks = (await person.types("doctor", "--json")).document["checks"]
    assert {check["name"] for check in checks} >= {"Temporal (default)", "search attributes", "Prometheus"}


async def test_doctor_names_the_line_of_a_broken_configuration(person: Person, tmp_path: Path) -> None:
    broken = tmp_path / "runbooks.yaml"
    broken.write_text("services:\n  backend:\n    prot: 3\n")
    ended = await person.types("doctor", "--config", str(broken))
    assert ended.code == USAGE
    assert f"{broken}:3" in ended.out


async def test_without_temporal_each_command_says_so_and_leaves_with_3(config: Path) -> None:
    lost = Person(environment("127.0.0.1:1", RUNBOOKS_CONFIG=str(config)))
    for words in (("list",), ("show", "A/b"), ("ack", "A/b"), ("suspend",), ("status", "--json")):
        ended = await lost.types(*words)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (UNREACHABLE, "", 1)
        assert "127.0.0.1:1" in ended.err
        assert "TEMPORAL_ADDRESS" in ended.err
    assert (await lost.types("doctor")).code == UNREACHABLE


async def test_without_a_worker_a_question_ends_in_time(temporal: TemporalServer, config: Path) -> None:
    client = await temporal.client()
    await client.start_workflow("AnyAlert", id="Waiting/backend", task_queue="nobody-listens")
    lonely = Person(environment(temporal.address, RUNBOOKS_CONFIG=str(config)))
    ended = await lonely.types("show", "Waiting/backend")
    assert ended.code == UNREACHABLE
    assert "worker" in ended.err


async def test_serve_refuses_to_listen_to_the_world_without_a_token(
    temporal: TemporalServer, config: Path, tmp_path: Path
) -> None:
    variables = environment(temporal.address, RUNBOOKS_CONFIG=str(config))
    ended = await Person(variables).types("serve", "--host", "0.0.0.0", "--port", "0")
    assert ended.code == USAGE
    assert "RUNBOOKS_INTAKE_TOKEN_FILE" in ended.err
    missing = variables | {"RUNBOOKS_INTAKE_TOKEN_FILE": str(tmp_path / "no-such-token")}
    assert (await Person(missing).types("serve", "--port", "0")).code == USAGE


async def test_a_broken_connection_profile_is_a_configuration_problem(config: Path, tmp_path: Path) -> None:
    profile = tmp_path / "temporal.toml"
    profile.write_text("this is not [toml")
    ended = await Person(environment("", TEMPORAL_CONFIG_FILE=str(profile))).types("list")
    assert ended.code == USAGE
    assert "temporal.toml" in ended.err
