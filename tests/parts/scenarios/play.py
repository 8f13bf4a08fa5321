"""Playing one scenario: the faults, the alert as Alertmanager posts it, the people, the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from demo.faults import FAULTS
from demo.webhook import Firing
from models.incident.incident import Decided, IncidentState, Outcome, Phase, Spoken, Through
from models.incident.review import Review
from tests.parts.product.pipeline import Pipeline, Run, said, told
from tests.parts.product.signing import by, signed, signer_of, tell
from tests.parts.scenarios.scenario import Scenario


@dataclass(frozen=True)
class Played:
    """What became of it: the run, its review, and who approved which plan."""

    run: Run
    review: Review
    approvals: tuple[tuple[str, str], ...]
    """Person and digest, in order."""


async def play_what_was_before(scenario: Scenario, pipeline: Pipeline) -> None:
    """Each earlier fault in an incident of its own, to the end."""
    services = pipeline.stack.services
    for name in scenario.healed_before:
        async with FAULTS[name].inject(services):
            run = await pipeline.fire(Firing(datetime.now(UTC), scenario.runbook, scenario.service))
            assert (await pipeline.review(run)).outcome is Outcome.RESOLVED


@asynccontextmanager
async def broken(scenario: Scenario, pipeline: Pipeline) -> AsyncIterator[None]:
    """All faults of the scenario at once."""
    async with AsyncExitStack() as faults:
        for fault in scenario.faults:
            inject = FAULTS[fault].inject if isinstance(fault, str) else fault
            await faults.enter_async_context(inject(pipeline.stack.services))
        yield


async def play(scenario: Scenario, pipeline: Pipeline) -> Played:
    """From the alert to the review, which must be there within `scenario.within`.

    People answer through the update that the intake uses, each question once. An incident that is
    escalated, as it is expected to, is closed by the word `done` of a person.
    """
    firing = Firing(datetime.now(UTC), scenario.runbook, scenario.service, scenario.labels)
    run = await pipeline.fire(firing)
    approvals: list[tuple[str, str]] = []
    for person in scenario.approved_by:
        if scenario.resolved_when is None:
            approvals.append((person, await _approve(pipeline, run, person, scenario.takes, approvals)))
    if scenario.resolved_when is not None:
        phase = scenario.resolved_when
        await pipeline.until_state(run, phase, lambda state: state.phase is phase)
        await pipeline.resolve(firing)
    if scenario.escalates:
        state = await _until_moved_on(pipeline, run, Phase.ESCALATED, scenario.within)
        assert state.awaiting is None
        words = Spoken(by="anna", through=Through.INTAKE, text="mended by hand")
        await tell(run, "done", words, signer_of(pipeline.stack))
    if scenario.meanwhile:
        await scenario.meanwhile(pipeline, run)
    if scenario.reports:
        await pipeline.until_state(
            run, "a report", lambda state: bool(said(state.timeline, "reports: ")), within=scenario.within
        )
        await tell(run, "acknowledge", Spoken(by="anna", through=Through.INTAKE), signer_of(pipeline.stack))
    review = await pipeline.review(run, within=scenario.within)
    return Played(run, review, tuple(approvals))


async def _approve(
    pipeline: Pipeline, run: Run, person: str, takes: str, before: list[tuple[str, str]]
) -> str:
    """Wait for the next question, approve exactly its plan or the one that is to be taken, and answer with
    the digest."""
    seen = {digest for _, digest in before}

    def asks(state: IncidentState) -> bool:
        return state.awaiting is not None and not seen.intersection(state.awaiting.digests)

    state = await pipeline.until_state(run, "a question", asks)
    assert state.awaiting is not None
    options = state.awaiting.options
    digest = next(one.digest for one in options if takes in ("", one.plan.steps[0].kind))
    decision = await signed(run, by(person, plan=digest), "approve", signer_of(pipeline.stack))
    decided: Decided = await run.execute_update("decide", decision, result_type=Decided)
    assert decided.accepted, decided.reason
    return digest


async def _until_moved_on(pipeline: Pipeline, run: Run, phase: Phase, within: float) -> IncidentState:
    """Wait for a phase; a question or an end that nobody expects fails at once, with the timeline."""
    over = (Phase.CLOSED, Phase.AWAITING_APPROVAL)
    state = await pipeline.until_state(run, phase, lambda s: s.phase in (phase, *over), within=within)
    assert state.phase is phase, told(state)
    return state
