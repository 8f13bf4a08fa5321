"""What a unit does, in a sentence for a person."""

from __future__ import annotations

from datetime import datetime

from activities.support.redaction import clean
from activities.systemd.unit import Being, Unit, signal_name
from models.base import in_words

_RESULTS = {
    "protocol": "it did not report as its unit says",
    "timeout": "it took longer than its unit allows",
    "watchdog": "its watchdog heard nothing from it",
    "oom-kill": "the kernel killed a process of it for memory",
    "resources": "systemd lacked what it needs to start it",
    "exec-condition": "its ExecCondition said no",
}


def in_a_sentence(unit: Unit) -> str:
    """Its state, since when, why, and what else systemd says that matters to who acts on it."""
    changed = "; its unit file changed on disk since: `systemctl daemon-reload` has not been run"
    return _state(unit) + (changed if unit["NeedDaemonReload"] == "yes" else "")


def _state(unit: Unit) -> str:
    since = _ago(unit, unit.began, " for {}")
    if unit.being is Being.WAITS:
        return _waiting(unit)
    if unit.being is Being.ENDED:
        return _ended(unit)
    stopping = "after it failed" if unit["Result"] not in ("", "success") else "by somebody"
    sub = clean(unit["SubState"], 40)
    return {
        Being.IDLE: f"idle: {_sockets(unit)}",
        Being.MISSING: f"systemd knows no unit called {clean(unit['Id'], 260)}",
        Being.FROZEN: "frozen by somebody",
        Being.RUNS: f"running{since}",
        Being.UNWATCHED: "active, but it is a one-shot: systemd does not know what became of what it started",
        Being.COMES_UP: f"running{since}, and has not said yet that it is ready ({sub})",
        Being.GOES_DOWN: f"running{since}, and is being stopped {stopping}",
        Being.UNKNOWN: f"systemd reports a state that is not known here: {clean(unit['ActiveState'], 40)}",
    }[unit.being]


def _waiting(unit: Unit) -> str:
    if unit.queued:
        return "its start is asked for, and waits for other units"
    after = unit.span("RestartUSec")
    pause = f", {in_words(after)} after each end" if after else ""
    return f"is started again by systemd{pause}; at last: {_end(unit)}"


def _ended(unit: Unit) -> str:
    ago = _ago(unit, unit.ended, ", {} ago")
    broken = ", ".join(f"{one['Id']} ({_trouble(one)})" for one in unit.broken)
    needs = f"; it needs {clean(broken, 200)}" if broken else ""
    if unit.masked:
        return f"masked by somebody, so that nothing can start it: see `systemctl unmask`{needs}"
    if unit.never_ran:
        condition = "a condition of its unit is not met" if unit.unmet else ""
        enabled = f"never started since the machine did ({clean(unit['UnitFileState'], 40) or 'no state'})"
        return (condition or enabled) + needs
    if unit.unmet:
        return f"a condition of its unit is not met; at last: {_end(unit)}{ago}{needs}"
    if unit.asked_to_end:
        whose = "with what it needs" if broken else "by somebody"
        again = f"; {_sockets(unit)}" if unit.listening else ""
        return f"stopped {whose}{ago}{again}{needs}"
    if unit.one_shot and unit["Result"] == "success":
        return f"finished{ago}: it is a one-shot, and runs when it is started{needs}"
    gave_up = "systemd gave up starting it, at last: " if unit.gave_up else ""
    return f"{gave_up}{_end(unit)}{ago}{needs}"


def _sockets(unit: Unit) -> str:
    return f"{clean(', '.join(unit.triggers), 120)} starts it with the next connection"


def _trouble(unit: Unit) -> str:
    return "masked" if unit.masked else "not there" if unit.missing else "failed"


def _end(unit: Unit) -> str:
    if unit.forgotten:
        return "ended by itself"
    code, result = unit.exit_code, unit["Result"]
    if code is None:
        ended = "ended before its main program ran"
    elif code > 128 and unit["ExecMainCode"] not in ("1", "exited"):
        ended = f"killed by {signal_name(code)} (exit code {code})"
    else:
        ended = f"exited with code {code}"
    why = _RESULTS.get(result)
    return f"{ended}; {why}" if why else ended


def _ago(unit: Unit, at: datetime | None, form: str) -> str:
    return form.format(in_words(unit.now - at)) if at else ""
