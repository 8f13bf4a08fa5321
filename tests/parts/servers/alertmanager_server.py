"""A real Alertmanager that tells nobody, on a port of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests.parts.requirements import missing
from tests.parts.servers.sockets import closed_port

QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@contextmanager
def alertmanager_with(configuration: str, directory: Path) -> Iterator[str]:
    """Its address, while it runs with this configuration."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        missing("Alertmanager is not installed: apt-get install prometheus-alertmanager")
    (directory / "alertmanager.yml").write_text(configuration)
    url = f"http://127.0.0.1:{closed_port()}"
    command = [
        str(program),
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_ready(url, directory / "log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def post(url: str, name: str, ago: timedelta = timedelta(hours=3), **labels: str) -> None:
    """Let it have this alert for an hour."""
    now = datetime.now(UTC)
    alert = {
        "labels": {"alertname": name, **labels},
        "startsAt": (now - ago).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }
    with httpx.Client(trust_env=False) as client:
        client.post(f"{url}/api/v2/alerts", json=[alert]).raise_for_status()


def silence(url: str, name: str) -> None:
    """Silence the alerts of this name for an hour."""
    now = datetime.now(UTC)
    matcher = {"name": "alertname", "value": name, "isRegex": False, "isEqual": True}
    silenced = {
        "matchers": [matcher],
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "ada",
        "comment": "a test",
    }
    with httpx.Client(trust_env=False) as client:
        client.post(f"{url}/api/v2/silences", json=silenced).raise_for_status()


def _until_ready(url: str, log: Path) -> None:
    until = time.monotonic() + 15
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until:
            try:
                if client.get(f"{url}/-/ready").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)  # between two looks of a bounded wait
    raise RuntimeError(log.read_text())
