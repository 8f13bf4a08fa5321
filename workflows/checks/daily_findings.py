"""What looks of the runbooks mean to the daily check."""

from __future__ import annotations

from collections.abc import Iterator

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.health.dependencies import DependencySeen
    from activities.managers.process_seen import ProcessSeen
    from activities.monitoring.costs import CostsSeen, in_short
    from activities.support.http import shown
    from models.checks.item import Figure, ItemResult, ItemState, Table, worst_of
    from models.evidence.evidence import Finding
    from models.service.service import Service

STATES = {Finding.OK: ItemState.OK, Finding.BAD: ItemState.BAD, Finding.UNKNOWN: ItemState.UNKNOWN}


def wellbeing(service: Service, answers: DependencySeen, process: ProcessSeen) -> ItemResult:
    """What it answers, and how its process is. One that came back by itself needs a look."""
    asked = service.is_database or service.health is not None
    states = [STATES[answers.finding], STATES[process.finding]]
    said = [answers.reason, process.reason]
    if not asked:  # then its process was all there is to look at
        states, said = states[1:], said[1:]
    if process.running and process.deaths and states[-1] is ItemState.OK:
        states.append(ItemState.ATTENTION)
        said.append(f"it ended {len(process.deaths)} times without being asked to")
    if process.running and process.at_its_limit:
        states.append(ItemState.ATTENTION)
        said.append("it uses all the memory or CPU that it may")
    return ItemResult(
        state=worst_of(states),
        reason="; ".join(said),
        threshold="answers, and runs",
        link=shown(service.health.url) if service.health else "",
        observed_at=process.observed_at,
        services=(service.name,),
    )


def spending(service: Service, seen: CostsSeen) -> ItemResult:
    """Over the budget is bad; to be over it by the end of the day needs attention."""
    budget = service.costs.budget if service.costs else 0.0
    over = seen.total is not None and seen.total > budget
    state = STATES[seen.finding]
    if state is ItemState.BAD and not over:
        state = ItemState.ATTENTION
    rows = tuple((one.api, f"{one.total:.2f}", _or_unknown(one.pace)) for one in seen.apis)
    table = Table(title="Spent, by provider", columns=("provider", "spent", "an hour"), rows=rows)
    return ItemResult(
        state=state,
        reason=seen.reason,
        threshold=f"at most {budget:g}",
        link=service.costs.prometheus if service.costs else "",
        observed_at=seen.observed_at,
        details=(in_short(seen.step),) if seen.step else (),
        figures=tuple(_figures(seen)),
        tables=(table,) if rows else (),
        services=(service.name,),
    )


def _figures(seen: CostsSeen) -> Iterator[Figure]:
    yield Figure(name="spent", value=seen.total, unit="$")
    yield Figure(name="pace", value=seen.pace, unit="$/h")
    yield Figure(name="by the end of the day", value=seen.projected, unit="$")


def _or_unknown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
