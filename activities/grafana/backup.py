"""The dashboards of Grafana, kept in a git repository: one commit when something changed, else none."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from temporalio import activity

from activities.grafana.dashboards import Exported, Grafana, NotListed
from activities.grafana.git import GitFailed, GitMissing
from activities.grafana.repository import (
    Changes,
    DashboardRepository,
    Diverged,
    NoRepository,
    NotWritten,
    readable,
)
from activities.grafana.secrets import hidden_in
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from activities.support.secrets import SecretMissing, resolve
from models.base import in_number
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.configuration.grafana import DashboardBackup

MOST_ROWS = 40


@dataclass
class _Outcome:
    """What became of the commit and of the push."""

    changes: Changes
    pushed: bool = False
    not_pushed: str = ""


class DashboardActivities:
    """Reads Grafana with the shared HTTP client, and writes to a repository of this host."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._grafana = Grafana(client)

    @activity.defn
    async def back_up_dashboards(self, settings: DashboardBackup) -> ItemResult:
        """Attention when a person must do something to the repository or its remote; nothing is forced.

        `unknown` when Grafana or the repository is not there. Safe to repeat: it looks at the last commit.
        """
        now = datetime.now(UTC)
        try:
            token = resolve(settings.token)
            remote_token = resolve(settings.remote_token) if settings.remote_token else ""
            repository = DashboardRepository(settings, remote_token)
            async with beating():
                await asyncio.to_thread(repository.must_be_ready)
                with tempfile.TemporaryDirectory() as work:
                    directory = Path(work)
                    exported = await self._grafana.export(settings, token, directory)
                    hidden = await asyncio.to_thread(_hidden, directory, exported)
                    outcome = await asyncio.to_thread(_keep, repository, directory, exported, now)
        except SecretMissing as missing:
            return ItemResult(reason=f"the dashboards cannot be kept: {missing}", observed_at=now)
        except (NotListed, NoRepository, GitMissing) as away:
            return ItemResult(reason=str(away), observed_at=now, link=settings.url)
        except (NotWritten, GitFailed) as refused:
            reason = f"nothing was written to {clean(settings.repository, 120)}: {refused}"
            return ItemResult(state=ItemState.ATTENTION, reason=reason, observed_at=now, link=settings.url)
        return _result(settings, exported, outcome, hidden, now)


def _keep(repository: DashboardRepository, directory: Path, exported: Exported, now: datetime) -> _Outcome:
    """Commit, even while the remote is away or has gone another way; then push."""
    theirs, not_pushed = "", ""
    try:
        theirs = repository.catch_up()
    except (GitFailed, Diverged) as failed:
        not_pushed = str(failed)
    # A token that may see nothing gives an empty list, which must not empty the repository.
    removable = exported.whole and bool(exported.titles)
    changes = repository.commit(directory, exported.titles, removable, tuple(exported.failed), now)
    outcome = _Outcome(changes, not_pushed=not_pushed)
    if not not_pushed:
        try:
            outcome.pushed = repository.push(theirs)
        except GitFailed as failed:
            outcome.not_pushed = str(failed)
    return outcome


def _hidden(directory: Path, exported: Exported) -> int:
    return sum(hidden_in((directory / name).read_text(encoding="utf-8")) for name in exported.titles)


def _result(
    settings: DashboardBackup, exported: Exported, outcome: _Outcome, hidden: int, now: datetime
) -> ItemResult:
    changes, total = outcome.changes, len(exported.titles)
    parts = ((changes.added, "added"), (changes.changed, "changed"), (changes.removed, "removed"))
    said = ", ".join(f"{len(names)} {what}" for names, what in parts if names)
    reason = (
        f"{in_number(total, 'dashboard')}; {said}, in commit {changes.commit}"
        if said
        else f"{in_number(total, 'dashboard')}, none changed"
    )
    if outcome.pushed:
        reason += f", pushed to {settings.remote}"
    wrong = list(_wrong(settings, exported, outcome))
    return ItemResult(
        state=ItemState.ATTENTION if wrong else ItemState.OK,
        reason=f"{wrong[0]}; {reason}" if wrong else reason,
        threshold="every dashboard is kept, and every commit is pushed",
        link=settings.url,
        observed_at=now,
        details=(
            *wrong[1:],
            *(
                f"{clean(uid, 60)} could not be read: {why}"
                for uid, why in list(exported.failed.items())[:10]
            ),
            *((f"taken out of them: {in_number(hidden, 'secret')}",) if hidden else ()),
        ),
        figures=(
            Figure(name="dashboards", value=total),
            Figure(name="changed dashboards", value=sum(len(names) for names, _ in parts)),
        ),
        tables=_tables(changes, exported),
    )


def _wrong(settings: DashboardBackup, exported: Exported, outcome: _Outcome) -> list[str]:
    wrong = []
    if outcome.not_pushed:
        wrong.append(f"could not push to {settings.remote}: {outcome.not_pushed}")
    if exported.failed:
        wrong.append(f"{in_number(len(exported.failed), 'dashboard')} could not be read, kept as before")
    if outcome.changes.kept:
        why = "it shows most of them no more to this token: remove their files by hand if they were deleted"
        if not exported.titles:
            why = "it shows no dashboard to this token"
        elif not exported.whole:
            why = "its list was not had to its end"
        wrong.append(
            f"{in_number(outcome.changes.kept, 'dashboard')} not in its list any more, but kept, for {why}"
        )
    elif not exported.titles and not exported.failed:
        wrong.append("Grafana shows no dashboard to this token: let its service account see the folders")
    return wrong


def _tables(changes: Changes, exported: Exported) -> tuple[Table, ...]:
    parts = ((changes.added, "added"), (changes.changed, "changed"), (changes.removed, "removed"))
    rows = [
        (exported.titles.get(name, "-"), clean(readable(name), 120), what)
        for names, what in parts
        for name in names
    ]
    if not rows:
        return ()
    left = len(rows) - MOST_ROWS
    title = f"Dashboards that changed{f', without {left} more' if left > 0 else ''}"
    return (Table(title=title, columns=("dashboard", "file", "what"), rows=tuple(rows[:MOST_ROWS])),)
