"""What has an effect on a service goes through the one place that knows of dry runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from workflows.stewardship.execution import PERFORMANCES

ROOT = Path(__file__).parents[3]
EXECUTION = "workflows/stewardship/execution.py"

FINDS = ("Seen", "VerificationResult", "ItemResult", "EnvironmentProposal")
"""How the results of activities end that only look. `ItemResult` is one of a check's."""
OF_CHECKS = {
    "back_up_dashboards": "workflows/checks/weekly_items.py",
    "drill_restore": "workflows/checks/monthly_items.py",
}
"""Items of checks that write somewhere, and who must ask first whether it is a dry run."""
OF_ITS_OWN = {
    "announce": "tells people, who must hear of a dry run as well",
    "ask_steward": "a steward of dry runs is another one",
    "broadcast": "tells people",
    "examine": "looks at everything that is configured",
    "release_service": "a steward of dry runs is another one",
    "verify_order": "reads a key",
    "verify_signature": "reads a key",
    "join_incident": "starts a dry run for a dry run",
    "start_incident": "an incident knows by its own policy whether it is a dry run",
    "tell_incidents": "signals incidents",
    "write_check_report": "writes files of its own",
    "write_report": "writes a file of its own",
    "write_review": "writes a file of its own",
}
"""Activities that change nothing but what is the product's own, and why each may be called in a dry run."""
ACTS = re.compile(
    r"\.(throw|post|restart|recreate|scale_out|unpause|pause|trigger|reset_workflow_execution"
    r"|pidfd_send_signal|disconnect)\("
)
"""Calls that change something outside."""
FOR_ACTIONS = {
    "activities/app/switches.py",
    "activities/managers/docker.py",
    "activities/managers/supervisord.py",
    "activities/managers/systemd.py",
    "activities/service/kill.py",
    "activities/support/heartbeats.py",
}
"""Modules with such calls that have no activity: the activities of actions use them."""
FOR_PEOPLE = "activities/notify/"


class _Activity:
    def __init__(self, path: Path, of: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.module = path.relative_to(ROOT).as_posix()
        self.name, self.of = function.name, of
        arguments = [ast.unparse(one.annotation) for one in function.args.args if one.annotation]
        self.performs = any(one.startswith("Perform[") for one in arguments)
        self.result = ast.unparse(function.returns) if function.returns else ""


def _activities() -> list[_Activity]:
    return [
        _Activity(path, kind.name, function)
        for path in sorted((ROOT / "activities").rglob("*.py"))
        for kind in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(kind, ast.ClassDef)
        for function in kind.body
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(ast.unparse(one).startswith("activity.defn") for one in function.decorator_list)
    ]


EVERY = _activities()


def _code(folder: str) -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): ast.unparse(ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def test_every_action_is_performed_in_one_place() -> None:
    performed = {one.activity.__qualname__ for one in PERFORMANCES}
    assert performed == {f"{one.of}.{one.name}" for one in EVERY if one.performs}
    calls = [f"{one.of}.{one.name}" for one in EVERY if one.performs]
    others = {name: code for name, code in _code("workflows").items() if name != EXECUTION}
    assert {name: call for name, code in others.items() for call in calls if call in code} == {}
    assert [name for name, code in others.items() if re.search(r"\bPerform[\[(]", code)] == []


ONLY = "ONLY_RECORDED"


def test_the_place_asks_first_whether_it_is_a_dry_run() -> None:
    perform = next(
        one
        for one in ast.parse((ROOT / EXECUTION).read_text(encoding="utf-8")).body
        if isinstance(one, ast.AsyncFunctionDef) and one.name == "perform"
    )
    first = next(one for one in perform.body if not isinstance(one, ast.Expr))
    assert "dry_run" in ast.unparse(first)
    assert ONLY in ast.unparse(first)


@pytest.mark.parametrize("one", [one for one in EVERY if not one.performs], ids=lambda one: one.name)
def test_every_other_activity_only_looks_or_is_known(one: _Activity) -> None:
    known = one.name in OF_CHECKS or one.name in OF_ITS_OWN
    says = f"{one.module}: {one.name} returns {one.result}"
    assert known or _looks(one), f"{says}: an action takes `Perform`, a look returns what it has seen"


def _looks(one: _Activity) -> bool:
    reads = ("read_", "take_", "look_", "is_", "list_", "ask_source", "propose_")
    return one.result.endswith(FINDS) or one.name.startswith(reads)


@pytest.mark.parametrize(("activity", "module"), OF_CHECKS.items())
def test_a_check_asks_first_whether_it_is_a_dry_run(activity: str, module: str) -> None:
    code = (ROOT / module).read_text(encoding="utf-8")
    before = code[: code.index(f".{activity}")]
    assert "policy.dry_run" in before[before.rindex("\ndef ") :]


def test_what_acts_is_used_by_actions_alone() -> None:
    acting = {name for name, code in _code("activities").items() if ACTS.search(code)}
    of_actions = {one.module for one in EVERY if one.performs}
    assert {one for one in acting if not one.startswith(FOR_PEOPLE)} <= of_actions | FOR_ACTIONS
