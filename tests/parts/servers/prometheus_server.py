"""A real Prometheus that already holds samples and scrapes nothing, or scrapes what a test names."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.parts.requirements import missing
from tests.parts.servers.sockets import closed_port

KEEPS = "--storage.tsdb.retention.time=1y"


@contextmanager
def prometheus_with(
    samples: str, directory: Path, rules: str = "", every: str = "1m", flags: Sequence[str] = (KEEPS,)
) -> Iterator[str]:
    """Its address, while it runs with these samples in the text format of OpenMetrics, and these rules.

    They are evaluated so often.
    """
    program, tool = shutil.which("prometheus"), shutil.which("promtool")
    if program is None or tool is None:
        missing("Prometheus is not installed: apt-get install prometheus")
    (directory / "samples").write_text(samples)
    (directory / "rules.yml").write_text(rules or "groups: []\n")
    (directory / "prometheus.yml").write_text(
        f"global: {{evaluation_interval: {every}}}\nrule_files: [rules.yml]\n"
    )
    data = str(directory / "data")
    # One pass over the samples a block: of a month there would be 360 of the usual two hours.
    blocks = ["tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics"]
    subprocess.run([tool, *blocks, str(directory / "samples"), data], check=True, capture_output=True)
    with _running(program, directory, f"http://127.0.0.1:{closed_port()}", flags) as url:
        yield url


@contextmanager
def prometheus_scraping(jobs: Mapping[str, Sequence[str]], directory: Path) -> Iterator[str]:
    """Its address, while it scrapes these targets every second; `SELF` is its own address."""
    program = shutil.which("prometheus")
    if program is None:
        missing("Prometheus is not installed: apt-get install prometheus")
    url = f"http://127.0.0.1:{closed_port()}"
    scraped = [
        {
            "job_name": job,
            "static_configs": [{"targets": [one.replace("SELF", url[7:]) for one in targets]}],
        }
        for job, targets in jobs.items()
    ]
    content = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": scraped,
    }
    (directory / "prometheus.yml").write_text(json.dumps(content))
    with _running(program, directory, url):
        yield url


@contextmanager
def _running(program: str, directory: Path, url: str, flags: Sequence[str] = ()) -> Iterator[str]:
    command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        *flags,
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_ready(url, directory / "log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _until_ready(url: str, log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.05)  # between two looks of a bounded wait
    raise RuntimeError(log.read_text())
