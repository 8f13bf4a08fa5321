"""README and the pages of docs/, pasted line by line from a fresh clone on a machine of its own.

Blocks of YAML, JSON, Python and PromQL are judged by what reads them, in
`tests/unit/architecture/test_doc_blocks.py`.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from demo.parts.waiting import until
from tests.parts.host.own_machine import OwnMachine, own_machine
from tests.parts.product.doc_blocks import blocks
from tests.parts.product.pasting import ACTIVATED, DONE, NotPasted, Page, fresh_clone

PAGES = {
    "README.md",
    "docs/checks.md",
    "docs/configure.md",
    "docs/demo.md",
    "docs/doctor.md",
    "docs/install.md",
    "docs/monitoring.md",
    "docs/on-call.md",
    "docs/scaling.md",
    "docs/security.md",
}
"""All that have something to paste."""
NOT_HERE = ("docs/runbooks/", "docs/write-a-runbook.md", "CONTRIBUTING.md")
"""A runbook's page says what to do in one's own application; test_contributing follows the others."""

ABOUT = "ServiceDown/backend"


def composed(machine: OwnMachine, line: str) -> list[str]:
    """Compose reads the files as they are then, and knows the services that are named."""
    files = " ".join(re.findall(r"-f \S+", line))
    compose = f"RUNBOOKS_STACK=/srv/shop TEMPORAL_ADDRESS=temporal:7233 docker-compose {files}"
    named = re.findall(r"\b(temporal|worker|intake)\b(?= |:|$)", line.partition(" -c ")[0])
    services = [f"{compose} config --services | grep -qx {name}" for name in named]
    return [f"{compose} config --quiet", *services]


def installed(machine: OwnMachine, line: str) -> list[str]:
    """The packages of `make venv`, of which the lock is a part, in place of the same from the index."""
    return [
        "readlink -f .venv/lib/python3.*/site-packages >$TMPDIR/a.pth",
        "mv $TMPDIR/a.pth /opt/runbooks/venv/lib/python3.*/site-packages/",
        "ln -s $PWD/.venv/bin/temporal /opt/runbooks/venv/bin/",
        "cd / && /opt/runbooks/venv/bin/python /opt/runbooks/app/starter.py --help",
    ]


def dry(machine: OwnMachine, line: str) -> list[str]:
    return [re.sub(r"\bmake\b", "make -n", line)]


NOT_PASTED = (
    NotPasted(
        r"docker compose (?!exec worker python).*",
        "pulls and builds images; tests/integration/deploy runs the project on an engine",
        composed,
    ),
    NotPasted(
        r"systemctl enable --now .*",
        "needs systemd as the machine's first process",
        lambda _, line: [
            f"systemd-analyze verify /etc/systemd/system/{unit}.service" for unit in line.split()[3:]
        ],
    ),
    NotPasted(
        r"/opt/runbooks/venv/bin/pip install .*",
        "asks the package index; the lock is part of the one that `make venv` installed",
        installed,
    ),
    NotPasted(r"make test", "is what runs this very test", dry),
    NotPasted(r"make demo (FAULT|CHECK)=.*", "tests/integration/demo runs each fault and check", dry),
    NotPasted(
        r"jq .*", "posts to a Grafana", lambda *_: ["python3 -m json.tool deploy/monitoring/dashboard.json"]
    ),
)


@pytest.fixture(scope="module")
async def machine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnMachine]:
    directory = tmp_path_factory.mktemp("reader")
    fresh_clone(directory / "clone")
    (directory / "tmp").mkdir(mode=0o1777)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    own = {"HOME": str(directory), "TMPDIR": str(directory / "tmp"), "TERM": "dumb"}
    async with own_machine(directory, {**kept, **own, "DOCKER_HOST": "unix:///nonexistent.sock"}) as one:
        yield one


async def rest_of(page: Page) -> None:
    """What is neither pasted nor judged here is named."""
    for line in tuple(page.left):
        for rule in (one for one in NOT_PASTED if one.takes(line)):
            page.strike(line)
            for command in rule.check(page.machine, line):
                ended = await page.machine.runs(f"{ACTIVATED}\n{command}")
                assert ended.code == 0, f"{page.name}: {line}\n{command}\n{ended.said[-2000:]}"
            break
    assert page.left == [], f"{page.name} has lines that are neither pasted nor listed with a reason"


def test_each_page_with_something_to_paste_is_pasted() -> None:
    found = {one.page for one in blocks("console")}
    assert {one for one in found if not one.startswith(NOT_HERE)} == PAGES


@pytest.fixture(scope="module")
async def demo(machine: OwnMachine) -> AsyncIterator[Path]:
    """What the demo says; it is left running, as README has it, and breaks and heals beside what follows."""
    _, said = await machine.starts("KEEP=1 make demo")
    yield said


@pytest.fixture(scope="module")
async def readme(machine: OwnMachine, demo: Path) -> Page:
    """ "Run it" is pasted: Temporal and the product run at the ports that all pages name."""
    page = Page("README.md", machine)
    await page.paste(page.first("make venv"))
    temporal, serve = page.first("temporal server"), page.first("python starter.py serve")
    for line in (temporal, serve):
        page.strike(line)
    await machine.starts(f"{ACTIVATED}\n{temporal}\nwait")
    await answers(machine, "</dev/tcp/127.0.0.1/7233")
    await machine.starts(f"{ACTIVATED}\n{serve}")
    await answers(machine, "curl -sf http://localhost:8080/readyz")
    return page


async def answers(machine: OwnMachine, command: str) -> None:
    async def not_yet() -> str:
        ended = await machine.runs(command)
        return "" if ended.code == 0 else ended.said[-500:] or "no answer"

    await until(command, not_yet)


async def test_a_host_is_installed(machine: OwnMachine) -> None:
    """Compose and systemd, one after the other, as root on an empty machine; then the pages beside."""
    install = Page("docs/install.md", machine)
    later = ("amtool", "docker compose exec worker python starter.py")
    for line in tuple(install.left):
        if not line.startswith(later) and not any(one.takes(line) for one in NOT_PASTED):
            await install.paste(line)
    install.left = [line for line in install.left if not line.startswith(later)]
    await rest_of(install)
    signing = Page("docs/configure.md", machine)
    await signing.paste(signing.first("openssl"))
    await rest_of(signing)
    monitoring = Page("docs/monitoring.md", machine)
    await machine.runs("mkdir -p /etc/prometheus")
    for start in ("cp", "promtool", "amtool"):
        await monitoring.paste(monitoring.first(start))
    await rest_of(monitoring)
    security = Page("docs/security.md", machine)
    await machine.runs("mkdir -p /etc/polkit-1/rules.d")
    await security.paste(security.first("install"))
    await rest_of(security)


async def test_the_first_alert_arrives(machine: OwnMachine, readme: Page) -> None:
    """An Alertmanager with the route of the page; Compose's `exec worker` is a terminal beside the worker."""
    page, beside = Page("docs/install.md", machine), ("docker compose exec worker ", "")
    (route,) = (one.text for one in blocks("yaml") if one.page == page.name and "receivers" in one.text)
    settings = machine.directory / "etc/alertmanager"
    settings.mkdir(exist_ok=True)
    (settings / "runbooks.yml").write_text(route)
    (settings / "runbooks-token").write_text("not-needed-on-loopback-0123456789")
    await machine.starts(
        "cd $TMPDIR; exec $(command -v prometheus-alertmanager alertmanager | head -1)"
        " --config.file /etc/alertmanager/runbooks.yml --storage.path $TMPDIR/alertmanager"
        " --cluster.listen-address= --web.listen-address 127.0.0.1:9093"
    )
    await answers(machine, "curl -sf http://127.0.0.1:9093/-/ready")
    await page.paste(page.first("amtool"))
    await answers(machine, f"{ACTIVATED}; python starter.py list | grep -q TryOut/backend")
    for command in ("list", "watch"):
        line = page.first(f"docker compose exec worker python starter.py {command}")
        await page.paste(line, "TryOut/backend", instead=beside)


async def test_checks_and_the_status(machine: OwnMachine, readme: Page) -> None:
    """Of the shipped configuration, whose backend this machine has not: `status` is right to end with 1."""
    page = Page("docs/checks.md", machine)
    for line in tuple(page.left):
        looks = re.match(r"python starter.py (status|check)", line)
        await page.paste(line, "backend" if "watch" in line else "", expect=(0, 1) if looks else DONE)
    scaling = Page("docs/scaling.md", machine)
    await machine.runs("echo 127.0.0.1 temporal.example >>/etc/hosts")
    await scaling.paste(scaling.left[0], shows="worker ready")
    await rest_of(scaling)


async def test_the_demo_says_what_the_readme_shows(machine: OwnMachine, readme: Page, demo: Path) -> None:
    page = Page("docs/demo.md", machine)
    page.strike("make demo")
    await rest_of(page)
    readme.strike("make demo")
    await rest_of(readme)
    (shown,) = (one.text.splitlines() for one in blocks("") if one.page == "README.md")
    said, at = without_figures(await whole(demo)), 0
    for line in map(without_figures, shown):
        assert (at := said.find(line.strip(), at)) >= 0, f"{line} is not what the demo says:\n{said}"


def without_figures(text: str) -> str:
    return re.sub(r"[\d.]+", "N", text)


async def whole(demo: Path) -> str:
    """All that it says, once it is left running."""

    async def not_yet() -> str:
        said = await asyncio.to_thread(demo.read_text)
        return "" if "stops everything" in said else said[-500:]

    await until("the demo told", not_yet)
    return await asyncio.to_thread(demo.read_text)


async def test_a_night_on_call(machine: OwnMachine, readme: Page, demo: Path) -> None:
    """The demo's stack after its first incident: `ServiceDown` on `backend`, repaired."""
    (look_around,) = re.findall(r"To look around: (.*)", await whole(demo))
    page = Page("docs/on-call.md", machine, setting=look_around)
    doctor = Page("docs/doctor.md", machine, setting=look_around)
    await doctor.paste("python starter.py doctor", "ok         here, worker  program backend of backend")
    await doctor.paste("python starter.py doctor --json")
    stop = f"{look_around}; {stopping(look_around)}"
    show = f"{look_around}; python starter.py show {ABOUT}"
    assert (await machine.runs(stop)).code == 0
    await page.paste(page.first("python starter.py doctor"), "start the service", expect=(3,))
    await page.paste(page.first("python starter.py fire"))
    await answers(machine, f"{show} | grep -q 'asks for approval'")
    for command in ("show", "watch", "list --open", "ack"):
        await page.paste(page.first(f"python starter.py {command}"), ABOUT)
    await page.paste("python starter.py status", "1 open: 1 awaiting approval", expect=(1,))
    await page.paste(page.first("python starter.py approve"), "Approve plan", answer="y")
    await answers(machine, f"{show} | grep -q '^phase  *closed'")

    assert (await machine.runs(f"{stop}; python starter.py fire ServiceDown --service backend")).code == 0
    await answers(machine, f"{show} | grep -q 'asks for approval'")
    for command in ("deny", "propose", "retry", f"done {ABOUT}"):
        await page.paste(page.first(f"python starter.py {command}"), ABOUT)
    await answers(machine, f"{show} | grep -q '^phase  *closed'")
    await machine.runs(stop.replace(" stop ", " start "))
    line = page.first("python starter.py done")
    page.strike(line)  # products are synced here, so its incident may end before the line is typed
    await answers(
        machine, f"{look_around}; python starter.py fire NoProductsSynced --service backend && {line}"
    )

    await in_maintenance(page)
    for channel in ("slack", "pagerduty"):
        line = page.first(f"python starter.py notify test {channel}")
        await page.paste(
            line, "is not set", expect=(2,), setting=ACTIVATED
        )  # no secret of the shipped file is
    for command in ("suspend", "resume", "service show", "service unblock"):
        await page.paste(page.first(f"python starter.py {command}"))
    await asyncio.gather(*(page.paste(line) for line in page.left))
    await rest_of(page)


async def in_maintenance(page: Page) -> None:
    window = await page.paste(page.first("python starter.py maintenance start"), "maintenance of backend")
    for command in ("plan", "plan", "list"):
        await page.paste(page.first(f"python starter.py maintenance {command}"))
    (name,) = re.findall(r"maintenance end (\S+)", window.said)
    await page.paste(page.first("python starter.py maintenance end"), instead=("ID", name))


def stopping(look_around: str) -> str:
    """What somebody types who stops the demo's backend."""
    (file,) = re.findall(r"RUNBOOKS_CONFIG=(\S+)", look_around)
    manager = yaml.safe_load(Path(file).read_text())["services"]["backend"]["manager"]
    return f"supervisorctl -s unix://{manager['socket']} stop {manager['program']}"
