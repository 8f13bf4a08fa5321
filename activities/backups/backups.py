"""Whether the newest backup of a location is there, recent, as large as those before, and readable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from temporalio import activity

from activities.backups.files import BackupFile, FileState, backups_of, newest_complete
from activities.backups.reading import Contents, Damaged, NotRead, age_of, read
from activities.support.heartbeats import beating_in_thread
from activities.support.redaction import clean
from models.base import in_bytes, in_number, in_words
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.configuration.backups import BackupLocation
from models.incident.report import Chart, Series

SHOWN = 14
FEWEST_COMPARED = 2
_MIB = 2**20

_WRONG = {
    FileState.EMPTY: "it is empty",
    FileState.NO_CONTENTS: "it has no toc.dat, which pg_dump writes last: it was never completed",
}
_BY_SEVERITY = (ItemState.BAD, ItemState.UNKNOWN, ItemState.ATTENTION)


@dataclass(frozen=True)
class _Remark:
    state: ItemState
    text: str


class BackupActivities:
    """Looks at backups on the file systems of this host."""

    @activity.defn
    def look_at_backup(self, location: BackupLocation) -> ItemResult:
        """`bad` for a backup that is missing, stale, too small or damaged; `unknown` where it cannot be read.

        What is still being written is left alone, and the one before is judged.
        """
        with beating_in_thread():
            return judged(location, datetime.now(UTC)).found


@dataclass(frozen=True)
class Judged:
    """What was found, and the backup that can be restored; None where none can."""

    found: ItemResult
    backup: BackupFile | None = None
    age: timedelta | None = None
    extensions: tuple[str, ...] = ()


def judged(location: BackupLocation, now: datetime) -> Judged:
    """Read the newest backup of a location to its end, and judge it."""
    try:
        backups = backups_of(location, now)
    except OSError as error:
        return Judged(ItemResult(reason=_no_directory(location, error), observed_at=now))
    newest = next((one for one in backups if _may_be_judged(one)), None)
    if newest is None:
        return Judged(_without_any(location, backups, now))
    contents, remarks = _read(location, newest, now)
    remarks += list(_remarks(location, backups, newest, contents, now))
    found = _result(location, backups, newest, contents, remarks, now)
    if contents is None:
        return Judged(found)
    return Judged(found, newest, age_of(newest, contents, now), contents.extensions)


def _may_be_judged(one: BackupFile) -> bool:
    return one.state not in (FileState.WRITING, FileState.DANGLING, FileState.OTHER)


def _no_directory(location: BackupLocation, error: OSError) -> str:
    why = error.strerror or type(error).__name__
    where = clean(location.directory, 200)
    return f"cannot look into {where} ({why}): mount it on the worker's machine, or correct directory or host"


def _without_any(location: BackupLocation, backups: Sequence[BackupFile], now: datetime) -> ItemResult:
    """Nothing there can be judged."""
    state, reason = (
        ItemState.BAD,
        f"no backup: nothing in {clean(location.directory, 200)} matches {location.pattern}",
    )
    by_state = {one.state: one for one in reversed(backups)}
    if one := by_state.get(FileState.WRITING):
        state, reason = ItemState.ATTENTION, f"the only backup, {_name(one)}, is still being written"
    elif one := by_state.get(FileState.DANGLING):
        reason = f"no backup: {_name(one)} is {one.why}"
    elif one := by_state.get(FileState.OTHER):
        state, reason = ItemState.UNKNOWN, f"{_name(one)} is {one.why}"
    return ItemResult(state=state, reason=reason, threshold=_threshold(location), observed_at=now)


def _read(
    location: BackupLocation, newest: BackupFile, now: datetime
) -> tuple[Contents | None, list[_Remark]]:
    if wrong := _WRONG.get(newest.state):
        return None, [_Remark(ItemState.BAD, wrong)]
    if newest.state is FileState.UNREADABLE:
        return None, [
            _Remark(ItemState.UNKNOWN, f"it cannot be read ({newest.why}): let the worker's user read it")
        ]
    try:
        return read(location, newest), []
    except Damaged as damaged:
        return None, [_Remark(ItemState.BAD, str(damaged))]
    except NotRead as not_read:
        return None, [_Remark(ItemState.UNKNOWN, str(not_read))]
    except OSError as error:
        why = error.strerror or type(error).__name__
        return None, [_Remark(ItemState.UNKNOWN, f"it cannot be read ({why}): let the worker's user read it")]


def _remarks(
    location: BackupLocation,
    backups: Sequence[BackupFile],
    newest: BackupFile,
    contents: Contents | None,
    now: datetime,
) -> Iterator[_Remark]:
    """Its age, its size, and links to nothing."""
    age = age_of(newest, contents, now)
    if ahead := newest.ahead_of(now):
        yield _Remark(
            ItemState.UNKNOWN,
            f"its time is {in_words(ahead)} in the future, so its age is unknown: set the clock of the "
            "machine that wrote it, or this one's",
        )
    elif newest.state is not FileState.UNREADABLE and age > location.max_age:
        copied = ", by its own list: its file is a newer copy" if now - newest.modified < age else ""
        yield _Remark(ItemState.BAD, f"it is {in_words(age)} old{copied}")
    others = _before(location, backups, newest)
    if newest.complete and len(others) >= FEWEST_COMPARED:
        usual = median(one.size for one in others)
        if newest.size < usual * location.smallest_share:
            share = newest.size / usual
            yield _Remark(ItemState.BAD, f"it has {share:.0%} of the usual size, {in_bytes(round(usual))}")
    for one in backups:
        if one.state is FileState.DANGLING:
            yield _Remark(ItemState.ATTENTION, f"{_name(one)} is {one.why}")


def _before(location: BackupLocation, backups: Sequence[BackupFile], newest: BackupFile) -> list[BackupFile]:
    older = (one for one in backups if one.complete and one is not newest)
    return [one for one in older if one.modified <= newest.modified][: location.compared_with]


def _result(
    location: BackupLocation,
    backups: Sequence[BackupFile],
    newest: BackupFile,
    contents: Contents | None,
    remarks: Sequence[_Remark],
    now: datetime,
) -> ItemResult:
    state = next((one for one in _BY_SEVERITY if any(two.state is one for two in remarks)), ItemState.OK)
    first = sorted(remarks, key=lambda one: _BY_SEVERITY.index(one.state))
    age = age_of(newest, contents, now)
    known = newest.state is not FileState.UNREADABLE and not newest.ahead_of(now)
    what = f"it is {in_words(_rounded(age))} old, has {in_bytes(newest.size)}, and can be read to its end"
    reason = f"{_name(newest)}: {'; '.join(one.text for one in first) or what}"
    return ItemResult(
        state=state,
        reason=reason,
        threshold=_threshold(location),
        observed_at=now,
        details=tuple(_details(location, backups, newest, contents)),
        figures=(
            Figure(name="age", value=round(age.total_seconds() / 3600, 1) if known else None, unit=" h"),
            Figure(name="size", value=round(newest.size / _MIB, 3), unit=" MiB"),
        ),
        tables=(_table(backups, now),),
        charts=_charts(location, backups),
    )


def _details(
    location: BackupLocation, backups: Sequence[BackupFile], newest: BackupFile, contents: Contents | None
) -> Iterator[str]:
    if contents:
        of = f" of {contents.database}" if contents.database else ""
        server = f", PostgreSQL {contents.server}" if contents.server else ""
        yield f"it holds the rows of {in_number(contents.tables, 'table')}{of}{server}"
    for one in backups:
        if one.state is FileState.WRITING:
            yield f"{_name(one)} is still being written, and was not judged"
    others = _before(location, backups, newest)
    if len(others) < FEWEST_COMPARED:
        yield "its size is compared with nothing: there are too few complete backups before it"
    if contents is None and (last := newest_complete([one for one in backups if one is not newest])):
        yield f"the one before, {_name(last)}, has {in_bytes(last.size)}; it was not read"


def _table(backups: Sequence[BackupFile], now: datetime) -> Table:
    return Table(
        title="Newest backups",
        columns=("name", "size", "age", "state"),
        rows=tuple(
            (_name(one), in_bytes(one.size), _aged(one, now), one.state.value) for one in backups[:SHOWN]
        ),
    )


def _aged(one: BackupFile, now: datetime) -> str:
    if one.state in (FileState.UNREADABLE, FileState.OTHER):
        return "unknown"
    ahead = one.ahead_of(now)
    return f"{in_words(_rounded(ahead))} in the future" if ahead else in_words(_rounded(now - one.modified))


def _charts(location: BackupLocation, backups: Sequence[BackupFile]) -> tuple[Chart, ...]:
    complete = [one for one in backups if one.complete][:SHOWN][::-1]
    if len(complete) < FEWEST_COMPARED:
        return ()
    sizes = tuple(round(one.size / _MIB, 3) for one in complete)
    chart = Chart(
        name="backup-" + re.sub(r"[^a-z0-9]+", "-", location.name.lower()).strip("-")[:20],
        title=f"Sizes of the backups of {location.name}",
        says=f"the last {len(complete)} complete backups have {min(sizes):g} to {max(sizes):g} MiB",
        labels=tuple(f"{one.modified:%m-%d %H:%M}" for one in complete),
        series=(Series(name="size", values=sizes),),
        unit=" MiB",
    )
    return (chart,)


def _threshold(location: BackupLocation) -> str:
    share = f"{location.smallest_share:.0%} of the median of the last {location.compared_with}"
    return f"at most {in_words(location.max_age)} old, at least {share}, readable to its end"


def _rounded(age: timedelta) -> timedelta:
    """To whole minutes, once it is longer than one."""
    return timedelta(minutes=age // timedelta(minutes=1)) if age >= timedelta(minutes=1) else age


def _name(one: BackupFile) -> str:
    return clean(one.path.name, 120)
