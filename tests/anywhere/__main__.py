"""`python -m tests.anywhere [PLACE ...]`: run the demo in each place, and print one table of how it went.

It needs root, which makes the user and the network; nothing but Python's own library, and `make`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.anywhere.places import PLACES, Place
from tests.anywhere.trees import TreeError, Trees, trees

_WITHIN = 240
"""Seconds for one place."""
_LATEST = 30
"""The highest 3.N that is looked for."""


@dataclass(frozen=True)
class Row:
    """How it went in one place."""

    place: str
    code: int
    found: str
    """The review's path, or what was said last."""
    well: bool
    said: str


def main() -> int:
    """0 when it went well in every place."""
    parser = argparse.ArgumentParser(prog="python -m tests.anywhere", description=__doc__)
    parser.add_argument("places", nargs="*", metavar="PLACE", help=f"of {', '.join(PLACES)}; else all")
    parser.add_argument("--newest", default=_newest_python(), help="the Python of the place `newest`")
    arguments = parser.parse_args()
    if unknown := set(arguments.places) - set(PLACES):
        parser.error(f"there is no place called {', '.join(sorted(unknown))}: {', '.join(PLACES)}")
    if os.geteuid() != 0:
        parser.error("only root can make a user and a network: run it as root")
    with trees(arguments.newest) as made:
        print(f"the newest Python is {arguments.newest}")
        rows = [_row(name, PLACES[name], made) for name in arguments.places or PLACES]
    for row in rows:
        if not row.well:
            print(f"=== {row.place}: {PLACES[row.place].says}\n{row.said}\n")
    print(f"{'place':12}  {'what is unusual':62}  {'rc':>3}  review")
    for row in rows:
        print(f"{row.place:12}  {PLACES[row.place].says:62}  {row.code:3}  {row.found}")
    return 0 if all(row.well for row in rows) else 1


def _row(name: str, place: Place, made: Trees) -> Row:
    print(f"{name}: {place.says} …", flush=True)
    try:
        code, said = _run(place, made)
    except TreeError as error:
        return Row(name, -1, "the tree could not be made", False, str(error))
    review = next((line.split(maxsplit=1)[1] for line in said.splitlines() if line.startswith("review ")), "")
    last = said.strip().splitlines()[-1] if said.strip() else ""
    if place.interrupted:
        well = code != 0 and "nothing is left running" in said
    elif place.command[0] == "make":
        well = code == 0 and Path(review).is_file()
    else:
        well = code == 0
    return Row(name, code, review or last, well and "Traceback" not in said, said)


def _run(place: Place, made: Trees) -> tuple[int, str]:
    """Exit code and output. What it started is ended with it, also when it takes too long."""
    tree = place.tree(made)
    variables = {**tree.environment(), **place.variables(made.base)}
    running = subprocess.Popen(
        [*place.through, *tree.argv(*place.command)],
        env={name: value for name, value in variables.items() if value is not None},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    assert running.stdout is not None
    begun = ""
    if place.interrupted:
        for line in running.stdout:
            begun += line
            if "START" in line:
                break
        os.killpg(running.pid, signal.SIGINT)
    try:
        said, _ = running.communicate(timeout=_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGTERM)
        said, _ = running.communicate(timeout=_WITHIN)
    return running.returncode, begun + said


def _newest_python() -> str:
    """The highest version on the PATH that can make a .venv."""
    for minor in range(_LATEST, 10, -1):
        if python := shutil.which(f"python3.{minor}"):
            where = [python, "-c", "import ensurepip, sys; print(sys.executable)"]
            done = subprocess.run(where, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout.strip()
    return sys.executable


if __name__ == "__main__":
    sys.exit(main())
