"""A package of runbooks that does not fit is refused when a process starts, with the reason and the cure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.actions.kinds import kinds
from runtime import settings
from workflows.stewardship.execution import BY_ACTION

RUNBOOK = """\
from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

@workflow.defn
class {name}(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        incident.hand_over("nothing is known yet")
"""
HEAD = "from workflows.packages.package import Package\n"
ONE = HEAD + "from acme.one import {name}\nPACKAGE = Package(built_for='0.1', runbooks=({name},))\n"
OUTSIDE = """\
from temporalio import activity
from models.evidence.evidence import Evidence
from models.service.service import Service
from workflows.diagnosis.app_looks import the_service
from workflows.diagnosis.look import Look

class Some:
    @activity.defn
    def {activity}(self, service: Service) -> Evidence: ...

seen = Look("{look}", Evidence, Some.{activity}, the_service)
"""
ACTIONS = """\
from datetime import timedelta
from temporalio import activity
from models.actions.change import ActionResult, Change, Perform, Risk
from models.actions.service import RestartService
from workflows.packages.package import Package
from workflows.stewardship.execution import Performance

class Own(Change):
    risk = Risk.SAFE
    kind: str = "{kind}"

class Derived({base}):
    pass

class Some:
    @activity.defn
    def restart_as_we_do(self, asked: Perform[Own]) -> ActionResult: ...

def by(action):
    return Performance(action, Some.restart_as_we_do, timedelta(minutes=1))

PACKAGE = Package(built_for="0.1", activities=(Some,), actions=({lines}))
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where packages are found, as by PYTHONPATH; what was imported from there is forgotten."""
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in [one for one in sys.modules if one.partition(".")[0] == "acme"]:
        del sys.modules[name]


def told(directory: Path, files: dict[str, str], named: str = "acme") -> str:
    """What a process says that starts with this package."""
    (directory / "acme").mkdir()
    (directory / "acme" / "__init__.py").touch()
    for name, text in files.items():
        (directory / "acme" / f"{name}.py").write_text(text)
    config = directory / "runbooks.yaml"
    config.write_text(f"dry_run: false\nrunbooks:\n  - {named}\n")
    with pytest.raises(settings.ConfigurationError) as error:
        settings.load(config)
    return str(error.value).replace(str(config), "runbooks.yaml")


@pytest.mark.parametrize(
    ("files", "named", "reason"),
    [
        ({}, "nowhere.runbooks", "there is no module nowhere: install it for the Python of this process"),
        ({}, "acme", "there is no module acme.package"),
        ({}, "workflows.runbooks", "workflows is a name of the product itself"),
        ({}, "acme/../etc", "this is not the name of a Python module"),
        ({"package": "import os\nPACKAGE = 1\n"}, "acme", "acme.package has no PACKAGE"),
        ({"package": "def broken(:\n"}, "acme", "it cannot be imported: SyntaxError"),
        ({"package": "raise SystemExit('no')\n"}, "acme", "it cannot be imported: SystemExit: no"),
        (
            {"package": HEAD + "PACKAGE = Package(built_for='0.0')\n"},
            "acme",
            "it is built for 0.0, and this is",
        ),
        (
            {"package": HEAD + "class A: ...\nPACKAGE = Package(built_for='0.1', runbooks=(A,))\n"},
            "acme",
            "is not a Runbook",
        ),
        (
            {"one": RUNBOOK.format(name="ServiceDown"), "package": ONE.format(name="ServiceDown")},
            "acme",
            "there is a runbook ServiceDown already",
        ),
        (
            {
                "one": RUNBOOK.format(name="Odd").replace("from __future__ import annotations\n", ""),
                "package": ONE.format(name="Odd"),
            },
            "acme",
            "write `from __future__ import annotations` at the top of its file",
        ),
        (
            {
                "one": RUNBOOK.format(name="Odd") + "\nimport random\nDICE = random.random()\n",
                "package": ONE.format(name="Odd"),
            },
            "acme",
            "the sandbox of workflows refuses Odd",
        ),
        (
            {
                "outside": OUTSIDE.format(activity="look_at_cache", look="cache_of_ours"),
                "package": HEAD + "from acme.outside import seen\nPACKAGE = Package(built_for='0.1')\n",
            },
            "acme",
            "no worker would have the activity look_at_cache: add the class of Some.look_at_cache",
        ),
        (
            {
                "outside": OUTSIDE.format(activity="look_at_cache", look="health"),
                "package": HEAD
                + "from acme.outside import Some, seen\n"
                + "PACKAGE = Package(built_for='0.1', activities=(Some,))\n",
            },
            "acme",
            "there is a look named health already",
        ),
        (
            {
                "outside": OUTSIDE.format(activity="probe_health", look="mine"),
                "package": HEAD
                + "from acme.outside import Some, seen\n"
                + "PACKAGE = Package(built_for='0.1', activities=(Some,))\n",
            },
            "acme",
            "there is an activity probe_health already",
        ),
    ],
    ids=lambda one: one[:40] if isinstance(one, str) else "",
)
def test_one_that_does_not_fit_is_refused_with_its_line_and_the_reason(
    directory: Path, files: dict[str, str], named: str, reason: str
) -> None:
    said = told(directory, files, named)
    assert said.startswith(f"runbooks.yaml:3: runbooks[0]: {named}: ")
    assert reason in said


@pytest.mark.parametrize(
    ("kind", "base", "lines", "reason"),
    [
        ("own", "object", "by(Own), by(RestartService)", "how RestartService is performed is known already"),
        ("own", "RestartService", "by(Own),", "RestartService is the action restart-service already"),
        ("own", "RestartService", "by(Own), by(Derived)", "give Derived another kind"),
        ("own", "Own", "by(Own),", "Own is the action own already"),
        ("own", "Own", "by(Own), by(Derived)", "give Derived another kind"),
        ("own", "object", "by(Own), by(Own)", "Own is the action own already"),
        ("restart-service", "object", "by(Own),", "give Own another kind"),
        ("own", "object", "", "nothing performs Own: add a Performance of it"),
    ],
)
def test_no_action_takes_the_place_of_another_and_nothing_of_it_stays(
    directory: Path, kind: str, base: str, lines: str, reason: str
) -> None:
    before = dict(BY_ACTION), dict(kinds())
    assert reason in told(directory, {"package": ACTIONS.format(kind=kind, base=base, lines=lines)})
    kinds.cache_clear()  # as when another package is loaded after it
    assert (dict(BY_ACTION), dict(kinds())) == before


def test_a_list_that_changes_while_a_process_runs_asks_for_a_restart(directory: Path) -> None:
    """And nothing of it is imported."""
    config = directory / "runbooks.yaml"
    config.write_text("dry_run: true\n")
    file = settings.ConfigurationFile(config)
    assert file().dry_run
    (directory / "acme").mkdir()
    (directory / "acme" / "__init__.py").touch()
    (directory / "acme" / "one.py").write_text(RUNBOOK.format(name="Late"))
    (directory / "acme" / "package.py").write_text(ONE.format(name="Late"))
    for text, why in (
        ("[acme]", "this list has changed: restart the worker"),
        ("acme", "must be"),
        ("7", "must"),
    ):
        config.write_text(f"dry_run: false\nrunbooks: {text}\n")
        assert file().dry_run, "the last good one stays in force"
        assert file.problem.startswith(f"{config}:2: runbooks: {why}")
    assert not [one for one in sys.modules if one.partition(".")[0] == "acme"]
    config.write_text("dry_run: false\nrunbooks: []\n")
    assert not file().dry_run
    assert file.problem == ""
