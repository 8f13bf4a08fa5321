"""Retries in the logs of real programs, by the provider that each line names."""

from __future__ import annotations

import time
from pathlib import Path

from temporalio.testing import ActivityEnvironment

from activities.managers import Managers
from activities.service.retries import RetriesSeen, RetryLineActivities
from models.evidence.evidence import Finding
from models.service.costs import Costs, PaidApi
from models.service.service import Service
from models.service.surroundings import Provider
from tests.parts.host.no_search import search_killed
from tests.parts.servers.supervisor import StartSupervisord

COSTS = Costs(
    prometheus="http://localhost:9090",
    retried=3,
    apis={"openai": PaidApi(names=("gpt-4o",)), "elevenlabs": PaidApi(), "pika": PaidApi()},
)


def service(start_supervisord: StartSupervisord, *lines: str) -> Service:
    """A program that has written these lines."""
    script = "import time\n" + "".join(f"print({line!r}, flush=True)\n" for line in lines)
    supervisord = start_supervisord(web=f"{script}time.sleep(600)\n")
    until = time.monotonic() + 10
    while lines[-1] not in _written(supervisord.directory / "web.out"):
        assert time.monotonic() < until, "it has written nothing"
        time.sleep(0.02)
    providers = {"pika": Provider(url="https://api.pika.art/health")}
    return supervisord.service("web", costs=COSTS, providers=providers)


def _written(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def look(service: Service) -> RetriesSeen:
    seen = ActivityEnvironment().run(RetryLineActivities(Managers()).look_at_retries, service)
    assert isinstance(seen, RetriesSeen)
    return seen


def test_retries_are_counted_by_the_provider_that_they_name(start_supervisord: StartSupervisord) -> None:
    seen = look(
        service(
            start_supervisord,
            *("elevenlabs: retry 1 of clip 7, key=sk-0123456789abcdef0123", "ElevenLabs retrying clip 7"),
            "exponential (2s) backoff before the next call of elevenlabs",
            "gpt-4o: retry after 429",
            "POST https://api.pika.art/v1/videos failed, retrying",
            "retrying the connection to redis",
            *(
                "openai: will not retry",
                "openai answered 400 (no retry)",
                "pika max retries: 5",
                "pretry elevenlabs",
            ),
            "elevenlabs answered",
        )
    )
    assert (seen.finding, seen.read, seen.total) == (Finding.BAD, 11, 6)
    assert {one.api: one.lines for one in seen.of} == {"elevenlabs": 3, "openai": 1, "pika": 1}
    assert seen.reason == "6 of the last 11 lines tell of retries: elevenlabs (3), openai (1), pika (1)"
    assert seen.many_of("elevenlabs", COSTS) is not None
    assert seen.many_of("openai", COSTS) is None
    assert "sk-0123456789abcdef0123" not in seen.model_dump_json()


def test_a_few_retries_are_daily_life(start_supervisord: StartSupervisord) -> None:
    seen = look(service(start_supervisord, "openai: retry 1", "openai: retry 2", "done"))
    assert (seen.finding, seen.of[0].newest) == (Finding.OK, "openai: retry 2")


def test_a_search_that_is_killed_is_unknown_and_blames_no_pattern(
    start_supervisord: StartSupervisord,
) -> None:
    one = service(start_supervisord, "a" * 60 + "!")
    with search_killed():
        seen = look(one.model_copy(update={"costs": COSTS.model_copy(update={"retry_lines": "(a+)+$"})}))
    assert seen.unknown
    assert seen.reason == "the log was not searched: the process that searches ended early (Killed)"


def test_what_cannot_be_read_is_unknown(start_supervisord: StartSupervisord) -> None:
    one = service(start_supervisord, "up")
    assert look(one.model_copy(update={"costs": None})).unknown
    gone = one.manager.model_copy(update={"program": "gone"})
    assert look(one.model_copy(update={"manager": gone})).unknown
