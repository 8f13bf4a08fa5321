"""`python -m demo [FAULT]`: start the stack, break it, and show the runbook at work."""

from __future__ import annotations

import sys
from importlib import import_module


def main() -> int:
    """Ctrl-C ends it without a traceback from here on: the imports alone take a second."""
    try:
        return int(import_module("demo.run").main())
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
