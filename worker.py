"""The worker: hosts workflows and activities, and drains on SIGTERM."""

from __future__ import annotations

from console.shell.importing import imported

if __name__ == "__main__":
    imported("console.host").app()
