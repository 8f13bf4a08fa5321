"""What the HEALTHCHECK of a container says, as `docker inspect` has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.managers.process_seen import OwnCheck
from activities.support.redaction import clean

_LONGEST_OUTPUT = 200
_NOT_RUN = (126, 127)
"""The exit codes of a shell whose command cannot be run, or is not there."""
_NOT_RUN_SIGNS = ("executable file not found", "runtime exec failed", "cannot exec in a stopped state")


def own_check_of(health: Mapping[str, Any] | None) -> OwnCheck:
    """`unhealthy` is told apart by its last run: a check that cannot run says nothing about the service."""
    if not health or health.get("Status") not in ("starting", "healthy", "unhealthy"):
        return OwnCheck.NONE
    if health["Status"] != "unhealthy":
        return OwnCheck(health["Status"])
    last = _last(health)
    output = str(last.get("Output") or "")
    if last.get("ExitCode") in _NOT_RUN or any(sign in output for sign in _NOT_RUN_SIGNS):
        return OwnCheck.BROKEN
    if last.get("ExitCode") == -1 and "exceeded timeout" in output:
        return OwnCheck.TIMED_OUT
    return OwnCheck.UNHEALTHY


def passed_at(health: Mapping[str, Any] | None) -> str:
    """When its newest run began, if that one passed; empty otherwise."""
    last = _last(health or {})
    return str(last.get("Start") or "") if last.get("ExitCode") == 0 else ""


def check_in_words(check: OwnCheck, health: Mapping[str, Any]) -> str:
    """Its finding with the end of its last output, redacted; empty while it has nothing to say."""
    if check in (OwnCheck.NONE, OwnCheck.HEALTHY):
        return ""
    streak = health.get("FailingStreak") or 0
    times = f" {streak} times in a row" if streak > 1 else ""
    says = clean(str(_last(health).get("Output") or "").strip()[-2000:], _LONGEST_OUTPUT)
    words = {
        OwnCheck.STARTING: "its HEALTHCHECK still counts it as starting",
        OwnCheck.BROKEN: "its HEALTHCHECK itself cannot run",
    }.get(check, f"its HEALTHCHECK failed{times}")
    return f"; {words}{': ' + says if says else ''}"


def _last(health: Mapping[str, Any]) -> Mapping[str, Any]:
    log: list[Mapping[str, Any]] = health.get("Log") or [{}]
    return log[-1]
