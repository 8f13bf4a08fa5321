"""The lines of a log around a moment: of a program of supervisord, and of a container."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.service.logs import LinesAround, LinesSeen, LogActivities
from demo.parts.waiting import until
from models.service.service import Service
from tests.parts.servers.docker_engine import MakeContainer, docker_service, wait_for_line
from tests.parts.servers.supervisor import StartSupervisord, Supervisord

WRITES = """
import datetime, time
now = datetime.datetime.now(datetime.timezone.utc)
for ago, text in ((10, "quiet"), (5, "import of 1,000,000 rows, token=abcdefgh12345678"), (0, "done")):
    at = now - datetime.timedelta(minutes=ago)
    print(at.strftime("%Y-%m-%d %H:%M:%S,%f"), text, flush=True)
time.sleep(600)
"""


def around(service: Service, at: datetime, managers: Managers | None = None) -> LinesSeen:
    request = LinesAround(service=service, at=at)
    return ActivityEnvironment().run(LogActivities(managers or Managers()).lines_around, request)


async def written(supervisord: Supervisord, words: str) -> None:
    async def missing() -> str:
        out = supervisord.directory / "web.out"
        return "" if out.exists() and words in out.read_text() else f"{words} is not written"

    await until("it is written", missing, within=10)


async def test_the_lines_of_that_minute_and_no_secret(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(web=WRITES)
    await written(supervisord, "done")
    service, now = supervisord.service("web"), datetime.now(UTC)
    seen = around(service, now - timedelta(minutes=5))
    (line,) = seen.lines
    assert "import of 1,000,000 rows" in line
    assert "abcdefgh12345678" not in seen.model_dump_json()
    assert seen.ok
    before = around(service, now - timedelta(minutes=30))
    assert (before.unknown, "reaches back to" in before.reason) == (True, True)


async def test_lines_that_tell_no_time_are_unknown(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(web="print('hello', flush=True)\nimport time\ntime.sleep(600)")
    await written(supervisord, "hello")
    seen = around(supervisord.service("web"), datetime.now(UTC))
    assert (seen.unknown, "do not tell their time" in seen.reason) == (True, True)


def test_an_engine_tells_the_time_of_each_line(docker_client: object, make_container: MakeContainer) -> None:
    container = make_container("import time; print('the import begins', flush=True); time.sleep(600)")
    wait_for_line(container, b"the import begins")
    engine = DockerEngine()
    try:
        later = datetime.now(UTC) + timedelta(seconds=2)
        seen = around(docker_service(container.name), later, Managers(engine))
    finally:
        engine.close()
    assert seen.lines == ("the import begins",)
