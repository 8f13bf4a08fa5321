"""`python -m demo.rollback`: what `scripts/rollback.sh` is to the source's stack.

Without images a version is a file in the backend's state directory, and so is one that crashes at
its start; the version before is their absence. The service is stopped and started by its manager.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.rollback")
    parser.add_argument("state", type=Path, help="the backend's state directory")
    parser.add_argument("start", nargs="+", help="the command that starts the backend")
    arguments = parser.parse_args()
    for version in ("crash-at-start", "version"):
        (arguments.state / version).unlink(missing_ok=True)
    subprocess.run(arguments.start, check=True, timeout=60)
    print("the version before is in place, and the backend was started")


if __name__ == "__main__":
    main()
