"""Old log files on a real disk: what may go, what must stay, and what somebody put in the way."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.files.clean_up import MOST_LISTED, ROOM, CleanUpActivities, OldFilesSeen
from activities.support.regular_files import identity_of, place_of
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import CleanUpFiles
from models.service.service import Service
from models.service.surroundings import CleanUp
from tests.parts.servers.docker_engine import BINDS, PYTHON, docker_service

DAY = 86400.0


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    directory = tmp_path / "logs"
    directory.mkdir()
    return directory


def write(path: Path, days: float, size: int = 1000) -> Path:
    """A file that was written so many days ago."""
    path.write_bytes(b"x" * size)
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def service_of(logs: Path, pattern: str = "*.log*") -> Service:
    clean_up = CleanUp(directory=str(logs), pattern=pattern, older_than=timedelta(days=1))
    return docker_service("web", clean_up=clean_up)


def look(service: Service) -> OldFilesSeen:
    seen = ActivityEnvironment().run(CleanUpActivities().look_at_old_files, service)
    assert isinstance(seen, OldFilesSeen)
    assert seen.observed_at is not None
    return seen


def test_without_a_clean_up_there_is_nothing_to_look_at() -> None:
    seen = look(docker_service("web"))
    assert (seen.unknown, seen.applies) == (True, False)


def names(seen: OldFilesSeen) -> list[str]:
    return [Path(file.path).name for file in seen.files]


def clean_up(service: Service, *files: Path) -> ActionResult:
    """As if each file, as it is now, had been planned."""
    configured = service.clean_up
    directory = Path(configured.directory) if configured else None
    action = CleanUpFiles(
        service=service,
        files=tuple(map(str, files)),
        frees=0,
        directory=place_of(directory.stat()) if directory and directory.exists() else "",
        identities=tuple(identity_of(file.lstat()) if os.path.lexists(file) else "" for file in files),
    )
    return perform(action)


def planned(service: Service) -> CleanUpFiles:
    """The plan that is made of what is seen."""
    seen = look(service)
    return CleanUpFiles(
        service=service,
        files=tuple(file.path for file in seen.files),
        frees=seen.size,
        directory=seen.directory,
        identities=tuple(file.identity for file in seen.files),
    )


def perform(action: CleanUpFiles) -> ActionResult:
    request: Perform[CleanUpFiles] = Perform(action=action, asked_at=datetime.now(UTC))
    effect = ActivityEnvironment().run(CleanUpActivities().clean_up_files, request)
    assert isinstance(effect, ActionResult)
    return effect


def test_only_old_files_that_match_are_listed_oldest_first(logs: Path) -> None:
    write(logs / "app.log", 0)
    write(logs / "app.log.1", 2)
    write(logs / "app.log.2", 3, size=3000)
    write(logs / "data.db", 9)
    write(logs / "we\nird.log", 9)
    (logs / "dir.log").mkdir()
    (logs / "link.log").symlink_to(logs / "data.db")
    os.mkfifo(logs / "pipe.log")
    write(logs / "dir.log" / "deep.log", 9)
    seen = look(service_of(logs))
    assert seen.ok
    assert names(seen) == ["app.log.2", "app.log.1"]
    assert seen.size == 4000
    assert seen.reason.startswith(f"2 files of *.log* in {logs} are older than 24 h, 3.9 KiB in all")


def test_the_newest_stays_however_old_it_is(logs: Path) -> None:
    write(logs / "a.log", 5)
    write(logs / "b.log", 4)
    assert names(look(service_of(logs))) == ["a.log"]


def test_what_a_process_has_open_stays(logs: Path) -> None:
    write(logs / "new.log", 0)
    old, held = write(logs / "old.log", 5), write(logs / "held.log", 5)
    service = service_of(logs)
    with held.open("rb"):
        seen = look(service)
        assert names(seen) == ["old.log"]
        assert seen.open == 1
        assert "1 are open in a process" in seen.reason
        effect = clean_up(service, old, held)
    assert effect.done
    assert effect.found == "deleted 1 files, 1000 B in all, kept held.log: a process has it open"
    assert held.exists()


def test_what_a_container_has_open_under_another_name_stays(
    logs: Path, docker_client: docker.DockerClient, image: str
) -> None:
    write(logs / "new.log", 0)
    write(logs / "held.log", 5)
    code = "import time; file = open('/tmp/held.log'); print('up', flush=True); time.sleep(600)"
    holder = docker_client.containers.create(
        image,
        [PYTHON, "-c", code],
        volumes=[*BINDS, f"{logs}:/tmp:ro"],
        name=f"runbooks-test-{uuid.uuid4().hex[:10]}",
    )
    try:
        holder.start()
        until = time.monotonic() + 15
        while b"up" not in holder.logs():
            assert time.monotonic() < until, "the container never opened the file"
            time.sleep(0.05)
        assert look(service_of(logs)).open == 1
    finally:
        holder.remove(force=True)


def test_the_list_is_bounded(logs: Path) -> None:
    write(logs / "new.log", 0)
    for index in range(MOST_LISTED + 7):
        write(logs / f"{index:03}.log", 500 - index, size=1)
    seen = look(service_of(logs))
    assert len(seen.files) == MOST_LISTED
    assert seen.left_out == 7
    assert names(seen)[0] == "000.log"


def test_the_list_is_bounded_in_bytes(logs: Path) -> None:
    write(logs / "new.log", 0)
    for index in range(MOST_LISTED):
        write(logs / f"{index:03}-{'x' * 240}.log", 500 - index, size=1)
    seen = look(service_of(logs))
    assert 0 < len(seen.files) < MOST_LISTED
    assert sum(len(file.path) for file in seen.files) <= ROOM < sum(len(f.path) for f in seen.files) + 400
    assert seen.left_out == MOST_LISTED - len(seen.files)


def test_exactly_the_listed_files_go_and_once(logs: Path) -> None:
    write(logs / "new.log", 0)
    first, second, other = (write(logs / f"{name}.log", 5) for name in "abc")
    service = service_of(logs)
    effect = clean_up(service, first, second)
    assert effect.done
    assert effect.found == "deleted 2 files, 2.0 KiB in all"
    assert effect.before.endswith(" free")
    assert sorted(path.name for path in logs.iterdir()) == ["c.log", "new.log"]
    again = clean_up(service, first, second)
    assert again.done
    assert again.found == "deleted 0 files, 0 B in all, 2 were gone already"
    assert other.exists()


def test_what_changed_since_it_was_seen_stays(logs: Path, tmp_path: Path) -> None:
    write(logs / "new.log", 0)
    secret = write(tmp_path / "secret.log", 9)
    link, fresh, folder = logs / "link.log", write(logs / "fresh.log", 0.5), logs / "folder.log"
    link.symlink_to(secret)
    folder.mkdir()
    effect = clean_up(service_of(logs), link, fresh, folder)
    assert not effect.done
    assert "link.log: it is not a regular file that matches *.log*" in effect.found
    assert "fresh.log: it was written to within the last 24 h" in effect.found
    assert "folder.log: it is not a regular file" in effect.found
    assert secret.exists() and link.is_symlink() and fresh.exists()


def test_nothing_outside_the_directory_is_touched(logs: Path, tmp_path: Path) -> None:
    write(logs / "new.log", 0)
    outside, namesake = write(tmp_path / "outside.log", 9), write(logs / "outside.log", 9)
    deep = logs / "deep"
    deep.mkdir()
    inner = write(deep / "inner.log", 9)
    database = write(logs / "data.db", 9)
    effect = clean_up(
        service_of(logs),
        outside,
        logs / ".." / "outside.log",
        inner,
        database,
        Path("outside.log"),
        Path("a\0.log"),
    )
    assert not effect.done
    assert effect.found.startswith(f"deleted 0 files, 0 B in all, kept outside.log: it is not in {logs}")
    assert outside.exists() and namesake.exists() and inner.exists() and database.exists()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    service = service_of(tmp_path / "none")
    seen = look(service)
    assert seen.unknown
    assert seen.reason == f"cannot look into {tmp_path}/none: No such file or directory"
    with pytest.raises(ApplicationError, match="cannot look into") as refused:
        clean_up(service, tmp_path / "none" / "a.log")
    assert refused.value.non_retryable


def test_without_a_configuration_nothing_is_seen_or_done(tmp_path: Path) -> None:
    service = docker_service("web")
    assert look(service).unknown
    with pytest.raises(ApplicationError, match="no clean_up is configured for backend") as refused:
        clean_up(service, tmp_path / "a.log")
    assert refused.value.type == "Unsupported"


def test_a_file_that_was_replaced_after_it_was_planned_stays(logs: Path) -> None:
    write(logs / "new.log", 0)
    write(logs / "same.log", 5)
    replaced, rewritten = write(logs / "replaced.log", 6), write(logs / "rewritten.log", 7)
    plan = planned(service_of(logs))
    write(logs / "other", 6).replace(replaced)
    write(rewritten, 7, size=1001)
    effect = perform(plan)
    assert effect.done
    assert effect.found.startswith("deleted 1 files, 1000 B in all, kept ")
    assert "replaced.log: it is not the file any more that was planned" in effect.found
    assert "rewritten.log: it is not the file any more that was planned" in effect.found
    assert sorted(path.name for path in logs.iterdir()) == ["new.log", "replaced.log", "rewritten.log"]


def test_a_plan_that_does_not_say_which_file_it_saw_deletes_nothing(logs: Path) -> None:
    write(logs / "new.log", 0)
    old = write(logs / "old.log", 5)
    plan = planned(service_of(logs)).model_copy(update={"identities": ()})
    assert not perform(plan).done
    assert old.exists()


@pytest.mark.parametrize("link", [True, False], ids=["a link to another", "another directory"])
def test_a_directory_that_was_replaced_after_it_was_planned_is_not_touched(logs: Path, link: bool) -> None:
    write(logs / "new.log", 0)
    write(logs / "old.log", 5)
    plan = planned(service_of(logs))
    moved = logs.rename(logs.with_name("moved"))
    if link:
        logs.symlink_to(moved)  # the very files: only how they are reached tells
    else:
        logs.mkdir()
        for file in list(moved.iterdir()):
            file.rename(logs / file.name)
    with pytest.raises(ApplicationError, match=r"symbolic link|is not the directory that was planned"):
        perform(plan)
    assert sorted(path.name for path in logs.iterdir()) == ["new.log", "old.log"]
