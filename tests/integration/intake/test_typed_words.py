"""What a person may type that nobody could send or print, and settings that lead nowhere.

Nothing here reaches a Temporal: each command ends before it asks for one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.examined import Grade, Kind
from tests.integration.intake.test_console import UNREACHABLE, USAGE
from tests.parts.product.commands import Ended, Person, ended
from tests.parts.product.intake import CONFIGURATION, environment

BROKEN = "\udcff"
"""The byte ff, as Python holds an argument that is not UTF-8."""

NOWHERE = "http://[::1"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "runbooks.yaml"
    path.write_text(CONFIGURATION)
    return path


@pytest.fixture
def person(config: Path) -> Person:
    return Person(environment("127.0.0.1:1", RUNBOOKS_CONFIG=str(config)))


async def worker(config: Path, *words: str, address: str = "127.0.0.1:1") -> Ended:
    """How a worker ends that cannot begin."""
    return await ended("worker.py", "--config", str(config), *words, variables=environment(address))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("note", "X/y", BROKEN), "TEXT"),
        (("ack", "X/y", "--text", BROKEN), "--text"),
        (("done", "X/y", "--by", BROKEN), "--by"),
        (("approve", "X/y", "--plan", BROKEN), "--plan"),
        (("deny", "X/y", "--text", BROKEN), "--text"),
        (("suspend", "--why", BROKEN), "--why"),
        (("fire", "ServiceDown", "--service", "backend", "--label", f"a={BROKEN}"), "--label"),
        (("deployed", "backend", BROKEN), "IMAGE"),
        (("serve", "--host", BROKEN), "--host"),
    ],
)
async def test_words_that_are_not_utf_8_are_refused(
    person: Person, words: tuple[str, ...], said: str
) -> None:
    ended = await person.types(*words)
    assert (ended.code, ended.out) == (USAGE, "")
    assert ended.err == f"{said}: not valid UTF-8: type it again, or set your locale\n"


async def test_names_that_are_not_utf_8_are_refused_as_any_wrong_name(person: Person) -> None:
    for words in (
        ("fire", BROKEN, "--service", "backend"),
        ("fire", "ServiceDown", "--service", BROKEN),
        ("fire", "ServiceDown", "--service", "backend", "--config", BROKEN),
        ("deployed", BROKEN, "image"),
        ("service", "show", BROKEN),
    ):
        ended = await person.types(*words)
        assert (ended.code, len(ended.err.splitlines()), ended.out) == (USAGE, 1, ""), words


@pytest.mark.parametrize("text", ["", " \t"])
async def test_a_note_without_words_is_refused(person: Person, text: str) -> None:
    ended = await person.types("note", "X/y", text)
    assert (ended.code, ended.out) == (USAGE, "")
    assert ended.err == "TEXT: must not be empty: write what everybody should know\n"


async def test_an_address_of_temporal_that_leads_nowhere_is_a_mistake_in_the_settings(config: Path) -> None:
    lost = Person(environment(NOWHERE, RUNBOOKS_CONFIG=str(config)))
    for words in (("list",), ("serve", "--port", "0")):
        ended = await lost.types(*words)
        assert ended.code == USAGE, words
        assert f"invalid Temporal connection settings: '{NOWHERE}'" in ended.err + ended.out
        assert "TEMPORAL_*" in ended.err + ended.out
    started = await worker(config, address=NOWHERE)
    assert started.code == USAGE
    assert f"invalid Temporal connection settings: '{NOWHERE}'" in started.err


async def test_doctor_counts_such_an_address_as_a_mistake_and_ends_as_its_worst_row(config: Path) -> None:
    lost = Person(environment(NOWHERE, RUNBOOKS_CONFIG=str(config)))
    ended = await lost.types("doctor", "--json")
    told = {one["name"]: one for one in json.loads(ended.out)["checks"]}
    assert (told["Temporal"]["grade"], told["Temporal"]["kind"]) == (Grade.PROBLEM, Kind.MISTAKE)
    assert f"invalid Temporal connection settings: '{NOWHERE}'" in told["Temporal"]["problem"]
    assert ended.code == UNREACHABLE, "the supervisord of the configuration does not run, which is worse"


@pytest.mark.parametrize("address", ["::::", "127.0.0.1:99999", "a b:7233", "\x1b[31m:1", "http://"])
async def test_a_server_does_not_start_for_an_address_that_nobody_can_call(
    config: Path, address: str
) -> None:
    lost = Person(environment(address, RUNBOOKS_CONFIG=str(config)))
    ended = await lost.types("serve", "--port", "0")
    assert ended.code == USAGE
    assert ended.err.removesuffix("\n").isprintable()
    assert f"invalid Temporal connection settings: {address!r}" in ended.err


async def test_a_worker_says_what_is_wrong_with_where_it_shows_its_metrics(tmp_path: Path) -> None:
    config = tmp_path / "runbooks.yaml"
    config.write_text("worker: {metrics: '192.0.2.1:9464'}\n")  # RFC 5737: nobody's address
    ended = await worker(config)
    assert (ended.code, len(ended.err.splitlines())) == (USAGE, 1)
    assert ended.err.startswith(f"{config}: worker.metrics: ")


async def test_a_worker_takes_no_host_that_no_service_can_name(config: Path) -> None:
    for host in (BROKEN, "web 1", "../x"):
        ended = await worker(config, "--host", host)
        assert ended.code == USAGE
        assert "is not a host name" in ended.err


async def test_a_key_of_the_configuration_cannot_write_on_the_terminal(
    person: Person, tmp_path: Path
) -> None:
    config = tmp_path / "odd.yaml"
    config.write_text('"ev\\x1b[31mil\\nkey": 1\n')
    typed = await person.types("serve", "--config", str(config))
    started = await worker(config)
    for end in (typed, started):
        assert (end.code, len(end.err.splitlines())) == (USAGE, 1)
        assert f"{config}:1: ev\\x1b[31mil\\nkey: there is no such key" in end.err
