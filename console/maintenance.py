"""`maintenance start|plan|end|list`: times in which nothing is done and nobody is called."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter, ValidationError

from console.control_room import RECORDED, key, order
from console.output import AsJson, By, Refused, Unusable, as_json, out, run, safe, somebody, typed
from console.shell.completing import alerts, services
from console.shell.examples import examples
from models.base import Interval, in_words
from models.calendar import WEEKDAYS, Calendar
from models.configuration.configuration import Configuration
from models.configuration.known_services import known
from models.incident.maintenance import MOST_WINDOWS, EndWindow, Window
from models.incident.stewardship import ControlRoomState, Ordered
from models.zone import Zone
from runtime import settings
from runtime.connection import connect
from runtime.incidents import control_room

app = typer.Typer(help="Pause incidents for a time of maintenance.", no_args_is_help=True)

Service = Annotated[
    str,
    typer.Option(
        "--service", help="Only incidents of this service.", callback=typed, autocompletion=services
    ),
]
AlertOption = Annotated[
    str, typer.Option("--alert", help="Only incidents of this alert.", callback=typed, autocompletion=alerts)
]
Fleet = Annotated[bool, typer.Option("--fleet", help="All incidents.")]
Lasts = Annotated[str, typer.Option("--for", help="How long, such as 30m or 2h: it always has an end.")]
Why = Annotated[str, typer.Option("--why", help="The reason, which every message shows.", callback=typed)]
ZoneOption = Annotated[
    str, typer.Option("--zone", help="The time zone.", show_default="the configuration's", callback=typed)
]
Config = Annotated[
    Path | None, typer.Option("--config", help="The configuration file.", show_default="runbooks.yaml")
]


@app.command(epilog=examples('maintenance start --service backend --for 2h --why "new disks"'))
def start(
    service: Service = "",
    alert: AlertOption = "",
    fleet: Fleet = False,
    lasts: Lasts = "",
    why: Why = "",
    by: By = "",
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Begin a window now. Its incidents look, do nothing, call nobody, and are judged afresh at its end."""

    async def work() -> None:
        about = _about(settings.load(settings.path_of(config)), service, alert, fleet)
        await _begin(
            _window(**about, begins=datetime.now(UTC), lasts=_lasts(lasts), why=why, by=by), by, json
        )

    run(work())


@app.command(
    epilog=examples(
        'maintenance plan --service backend --at "2026-12-01 02:00" --for 2h --why "new disks"',
        "maintenance plan --fleet --at 02:00 --on sunday --for 2h --why updates",
    )
)
def plan(
    service: Service = "",
    alert: AlertOption = "",
    fleet: Fleet = False,
    at: Annotated[
        str, typer.Option("--at", help='When: "2026-12-01 02:00", or 02:00 for one that comes again.')
    ] = "",
    on: Annotated[
        list[str] | None,
        typer.Option("--on", help="It comes again on this day: monday, or 1 for the first of each month."),
    ] = None,
    lasts: Lasts = "",
    zone: ZoneOption = "",
    why: Why = "",
    by: By = "",
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Plan a window, once or again and again: `--at 02:00 --on sunday`, or `--on daily`."""

    async def work() -> None:
        configuration = settings.load(settings.path_of(config))
        about = _about(configuration, service, alert, fleet)
        when = _when(at, on or [], zone or configuration.time_zone)
        await _begin(_window(**about, **when, lasts=_lasts(lasts), why=why, by=by), by, json)

    run(work())


@app.command(epilog=examples("maintenance end 3f1c2a9b"))
def end(
    window: Annotated[str, typer.Argument(metavar="ID", help="The window, as `maintenance list` names it.")],
    for_good: Annotated[
        bool, typer.Option("--for-good", help="One that comes again ends for good, not only this time.")
    ] = False,
    by: By = "",
    json: AsJson = False,
) -> None:
    """End a window before its time, or cancel a planned one."""

    async def work() -> None:
        client = await connect()
        windows = (await control_room(client)).windows
        if not any(one.id == window for one in windows):
            raise Refused(f"there is no window {window!r}; known: {_ids(windows)}")
        ordered = Ordered(key=key(), end=EndWindow(id=window, for_good=for_good))
        state = await order(client, ordered, by)
        left = next((one for one in state.windows if one.id == window), None) if state else None
        if json:
            as_json({"ended": window, "in_force": state is not None, "comes_again": left is not None})
        elif state is None:
            out.print(f"End of {safe(window)}: {RECORDED}.")
        else:
            again = f" It comes again: {_when_in_words(left)}." if left else ""
            out.print(f"Ended {safe(window)}: what still fires is looked at again, and goes on.{again}")

    run(work())


@app.command("list", epilog=examples("maintenance list"))
def list_(json: AsJson = False) -> None:
    """List the windows that are in force or planned."""

    async def work() -> None:
        state = await control_room(await connect())
        now = datetime.now(UTC)
        if json:
            as_json([_document(one, now) for one in state.windows])
            return
        for line in standing(state, now):
            out.print(line)
        if not state.suspended and not any(one.span(now) for one in state.windows):
            out.print("No maintenance.")

    run(work())


def standing(state: ControlRoomState, now: datetime) -> list[str]:
    """A line for the switch, if it is thrown, and one for each window: to stand above the incidents."""
    lines = [f"[red]Actions are {safe(state.suspended_words)}[/red]"] if state.suspended else []
    for one in state.windows:
        if says := one.standing(now):
            state_of_it = "[yellow]in maintenance[/yellow]" if one.in_force(now) else "planned"
            lines.append(f"{state_of_it} {safe(says)} [dim]({one.id})[/dim]")
    return lines + [f"[yellow]{safe(one.line)}[/yellow]" for one in state.not_taken]


async def _begin(window: Window, by: str, json: bool) -> None:
    now = datetime.now(UTC)
    span = window.span(now)
    if span is None:
        raise Unusable("it is over already, or never comes: name a time to come")
    client = await connect()
    windows = [one for one in (await control_room(client)).windows if one.span(now)]
    if len(windows) >= MOST_WINDOWS:
        raise Refused(f"there are {len(windows)} windows already: end one with `maintenance end ID`")
    state = await order(client, Ordered(key=key(), begin=window), by)
    if json:
        as_json({**_document(window, now), "in_force": state is not None and span[0] <= now})
        return
    says = f"{window.id}: maintenance of {safe(window.about)}, {_when_in_words(window)}"
    out.print(f"{says}: {RECORDED}." if state is None else f"{says}. End it: maintenance end {window.id}")


def _about(configuration: Configuration, service: str, alert: str, fleet: bool) -> dict[str, str | None]:
    """What it is for. A typo must not leave a service without its window."""
    if fleet == bool(service or alert):
        raise Unusable("say what it is for: --service S, --alert A (or both), or --fleet alone")
    if service:
        known(service, configuration)
    if alert and alert not in configuration.alerts:
        close = get_close_matches(alert, configuration.alerts, 1)
        if close:
            raise Unusable(f"there is no alert {alert!r} in the configuration; did you mean {close[0]}?")
    return {"service": service or None, "alert": alert or None}


def _lasts(said: str) -> timedelta:
    if not said:
        raise Unusable("--for: maintenance always has an end: write how long it lasts, such as --for 2h")
    try:
        lasts: timedelta = TypeAdapter(Interval).validate_python(said)
    except ValidationError as error:
        raise Unusable(f"--for: {_first(error)}") from None
    return lasts


def _when(at: str, on: list[str], zone: str) -> dict[str, Any]:
    """The first moment, and the calendar of one that comes again."""
    try:
        there = ZoneInfo(TypeAdapter(Zone).validate_python(zone))
    except ValidationError as error:
        raise Unusable(f"--zone: {_first(error)}") from None
    if not on:
        try:
            moment = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=there).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Unusable('--at: write when it begins, such as --at "2026-12-01 02:00"') from None
        return {"begins": moment}
    days = [one.lower() for one in on]
    wanted: dict[str, Any] = {"at": at, "time_zone": zone}
    if len(days) == 1 and days[0].isdecimal() and 1 <= int(days[0]) <= 28:
        wanted["day_of_month"] = int(days[0])
    elif days != ["daily"]:
        wanted["weekdays"] = days
    try:
        return {"begins": datetime.now(UTC), "again": Calendar.model_validate(wanted)}
    except ValidationError:
        days_known = ", ".join(WEEKDAYS)
        raise Unusable(
            f"--at 02:00 with --on daily, a day of the month (1 to 28), or days of the week: {days_known}"
        ) from None


def _window(*, why: str, by: str, **fields: Any) -> Window:
    if not why.strip():
        raise Unusable("--why: write the reason: everybody who wonders why it is quiet reads it")
    try:
        return Window(
            id=f"{fields['service'] or 'w'}-{uuid4().hex[:4]}"[-40:], by=somebody(by), why=why, **fields
        )
    except ValidationError as error:
        raise Unusable(_first(error)) from None


def _first(error: ValidationError) -> str:
    return str(error.errors()[0]["msg"]).removeprefix("Value error, ")


def _when_in_words(window: Window) -> str:
    span = window.span(datetime.now(UTC))
    if span is None:
        return "over"
    again = f"{window.again.words}, next " if window.again else ""
    return f"{again}{span[0]:%Y-%m-%d %H:%M} to {span[1]:%Y-%m-%d %H:%M} UTC ({in_words(window.lasts)})"


def _document(window: Window, now: datetime) -> dict[str, Any]:
    span = window.span(now)
    begins, ends = (one.isoformat() for one in span) if span else (None, None)
    return {
        **window.model_dump(mode="json"),
        "begins": begins,
        "ends": ends,
        "in_force": window.in_force(now),
    }


def _ids(windows: Iterable[Window]) -> str:
    return ", ".join(one.id for one in windows) or "none"
