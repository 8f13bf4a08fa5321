"""`python -m demo` as a person runs it: from the fault to the review, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import httpx
import psutil
import pytest

from demo.parts.waiting import until
from demo.systems.backend import ROOT

NO_ENGINE = "unix:///nonexistent.sock"
SECRETS = ("intake-token", "postgres-url", "postgres-data")


@contextmanager
def started(work: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m demo` with its work directory below `work` and its words in `work/said`."""
    environment = {**os.environ, "TMPDIR": str(work), "DOCKER_HOST": NO_ENGINE, **variables}
    with (work / "said").open("wb") as said:
        demo = subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments], cwd=ROOT, env=environment, stdout=said, stderr=said
        )
    try:
        yield demo
    finally:
        demo.terminate()
        demo.wait(60)


def left_running(work: Path) -> list[str]:
    """Every process that was told of the work directory."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(work) in word for word in words):
            found.append(" ".join(words))
    return found


def said_in(work: Path) -> str:
    return (work / "said").read_text(errors="replace")


async def has_said(work: Path, words: str, within: float = 90) -> None:
    async def not_yet() -> str:
        said = said_in(work)
        return "" if words in said else f"said so far: {said}"

    await until(f"{words!r} said", not_yet, within=within)


async def ended(demo: subprocess.Popen[bytes], within: float) -> int:
    async def runs() -> str:
        return "it runs" if demo.poll() is None else ""

    await until("the demo over", runs, within=within)
    return demo.returncode


@pytest.mark.parametrize(("fault", "cause"), [("crash", "crash"), ("port-taken", "port conflict")])
async def test_healed(tmp_path: Path, fault: str, cause: str) -> None:
    with started(tmp_path, fault) as demo:
        code = await ended(demo, within=170)
    said = (tmp_path / "said").read_text()

    assert code == 0, said
    assert "run by supervisord, because no Docker engine answers" in said
    assert "recovered means healthy for 10s here; in production it is 5 minutes" in said
    (work,) = work_directories(tmp_path)
    assert review_of(said).startswith("#")
    assert f"cause             {cause}\n" in said
    if fault == "port-taken":
        assert "python starter.py approve ServiceDown/backend --by demo" in said
    assert left_running(tmp_path) == []
    assert not [name for name in SECRETS if (work / name).exists()]
    assert (work / "backend.log").exists()


def work_directories(work: Path) -> list[Path]:
    return list(work.glob("runbooks-demo-*"))


def review_of(said: str) -> str:
    line = next(line for line in said.splitlines() if line.startswith("review "))
    return Path(line.split(maxsplit=1)[1]).read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as demo:
        await has_said(tmp_path, "ALERT")
        assert left_running(tmp_path)
        demo.send_signal(number)
        assert await ended(demo, within=60) == 130
    assert left_running(tmp_path) == []


async def test_interrupted_while_it_is_being_imported(tmp_path: Path) -> None:
    with started(tmp_path) as demo:

        async def not_yet() -> str:
            mapped = (one.path for one in psutil.Process(demo.pid).memory_maps())
            return "" if any("pydantic_core" in path for path in mapped) else "it begins"

        await until("the imports under way", not_yet, within=30)
        demo.send_signal(signal.SIGINT)
        assert await ended(demo, within=60) == 130
    assert "Traceback" not in (tmp_path / "said").read_text()
    assert left_running(tmp_path) == []


async def test_at_a_terminal_the_incident_can_be_looked_at_until_enter(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path) as (demo, terminal):
        await has_said(tmp_path, "Enter stops everything", within=170)
        (page,) = set(re.findall(r"http://[\d.:]+/incidents/ServiceDown/backend", said_in(tmp_path)))
        async with httpx.AsyncClient(headers={"accept": "text/html"}, trust_env=False) as browser:
            answer = await browser.get(page)
        assert answer.status_code == 200
        assert "Post-incident review: ServiceDown/backend" in answer.text
        os.write(terminal, b"\n")
        assert await ended(demo, within=60) == 0
    assert left_running(tmp_path) == []


@contextmanager
def at_a_terminal(work: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The same with a person at a terminal, whose keys are written there."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "TMPDIR": str(work), "DOCKER_HOST": NO_ENGINE, "TERM": "xterm"}
    argv = [sys.executable, "-m", "demo"]
    demo = subprocess.Popen(argv, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    (work / "said").touch()
    reading = Thread(target=_copied, args=(ours, work / "said"))
    reading.start()
    try:
        yield demo, ours
    finally:
        demo.terminate()
        demo.wait(60)
        reading.join(60)


def _copied(terminal: int, into: Path) -> None:
    """All that is shown there, until the other end is closed."""
    with (
        open(terminal, "rb", buffering=0) as shown,
        into.open("wb", buffering=0) as file,
        suppress(OSError),
    ):
        while part := shown.read(65536):
            file.write(part)


async def test_kept(tmp_path: Path) -> None:
    with started(tmp_path, KEEP="1") as demo:
        await has_said(tmp_path, f"`kill {demo.pid}` stops everything", within=170)
        assert any("temporal" in words for words in left_running(tmp_path))
        assert "export TEMPORAL_ADDRESS=127.0.0.1:" in (tmp_path / "said").read_text()
        demo.terminate()
        await ended(demo, within=60)
    assert left_running(tmp_path) == []


async def test_unknown_fault(tmp_path: Path) -> None:
    with started(tmp_path, "no-such-fault") as demo:
        assert await ended(demo, within=30) == 2
    assert "invalid choice: 'no-such-fault'" in (tmp_path / "said").read_text()
