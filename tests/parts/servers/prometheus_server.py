"""A real Prometheus that already holds samples and scrapes nothing, or scrapes what a test names."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.parts.outside.private_ca import PrivateCa
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
def prometheus_behind(ca: PrivateCa, users: Mapping[str, str], directory: Path) -> Iterator[str]:
    """Its address, while it speaks TLS with a certificate of this CA, and lets in these users, by the bcrypt
    hash of their password. It has no samples."""
    program = shutil.which("prometheus")
    if program is None:
        missing("Prometheus is not installed: apt-get install prometheus")
    (directory / "prometheus.yml").write_text("{}\n")
    tls = {"cert_file": str(ca.certificate), "key_file": str(ca.key)}
    (directory / "web.yml").write_text(
        json.dumps({"tls_server_config": tls, "basic_auth_users": dict(users)})
    )
    url = f"https://127.0.0.1:{closed_port()}"
    trusted = ssl.create_default_context(cafile=ca.ca_file)
    with _running(program, directory, url, (f"--web.config.file={directory / 'web.yml'}",), trusted):
        yield url


@contextmanager
def _running(
    program: str, directory: Path, url: str, flags: Sequence[str] = (), trusted: ssl.SSLContext | bool = True
) -> Iterator[str]:
    command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        *flags,
        f"--web.listen-address={url.partition('://')[2]}",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_ready(url, directory / "log", trusted)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _until_ready(url: str, log: Path, trusted: ssl.SSLContext | bool) -> None:
    """It is, too, when it asks who we are."""
    until = time.monotonic() + 20
    with httpx.Client(trust_env=False, verify=trusted) as client:
        while time.monotonic() < until:
            try:
                if client.get(f"{url}/-/ready").status_code in (200, 401):
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(0.05)  # between two looks of a bounded wait
    raise RuntimeError(log.read_text())
