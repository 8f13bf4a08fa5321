"""`python -m demo.rollback`: what `scripts/rollback.sh` is to the source's stack.

The version that crashes at its start is a file in the backend's state directory; the version
before is its absence. The service is started again by whoever runs it.
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
    (arguments.state / "crash-at-start").unlink(missing_ok=True)
    subprocess.run(arguments.start, check=True, timeout=60)
    print("the version before is in place, and the backend was started")


if __name__ == "__main__":
    main()
