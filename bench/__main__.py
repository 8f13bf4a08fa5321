"""`python -m bench [NAME…]`: measure, print the table, and keep it in `ci-output/bench.md`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bench import first_probe, history, long_open, memory, starts, storm
from bench.figures import Figure, as_markdown, as_text, missing
from bench.ground import as_installed
from bench.views import measuring
from demo.parts.errors import EndedError, NotReadyError

MEASUREMENTS: dict[str, Callable[[Path], Awaitable[list[Figure]]]] = {
    "first-probe": first_probe.measure,
    "history": history.measure,
    "long-open": long_open.measure,
    "memory": memory.measure,
    "starts": starts.measure,
    "storm": storm.measure,
    "views": measuring.measure,
}


async def measure(names: Sequence[str]) -> list[Figure]:
    """The measurements of these names, one after the other: each has the machine for itself."""
    return [figure for name in MEASUREMENTS if name in names for figure in await _one(name)]


async def _one(name: str) -> list[Figure]:
    """One measurement in a directory of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        try:
            figures = await MEASUREMENTS[name](Path(directory))
        except (NotReadyError, EndedError, TimeoutError) as error:
            figures = [missing(name, str(error))]
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return figures


def main() -> int:
    """0 when everything could be measured, whether or not the aims are reached."""
    names = sys.argv[1:] or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        print(f"there is no measurement {unknown[0]}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    as_installed()
    figures = asyncio.run(measure(names))
    print(f"\n{as_text(figures)}")
    kept = Path(os.environ.get("CI_OUTPUT", "ci-output"))
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "bench.md").write_text(as_markdown(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
