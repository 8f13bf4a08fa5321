"""A person who denies a plan has the incident, and is not asked the same by the next alert."""

from __future__ import annotations

from datetime import timedelta

from models.incident.announcement import Occasion
from models.incident.incident import Decision, IncidentState, Outcome, Through, Verdict
from models.incident.refusal import RefusalReason
from tests.parts.product.signing import decide
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident

NO = Decision(by="ada", through=Through.INTAKE, verdict=Verdict.DENY, text="it is the migration")


async def denied(harness: Harness) -> tuple[Incident, list[str]]:
    """ServiceDown asks to restart what hangs, ada denies it; who was paged until then."""
    harness.configure(risks={"restart-service": "dangerous"})
    harness.world.health, harness.world.process = sights.REFUSED, sights.RUNNING
    first = await harness.fire(await harness.alert())
    await harness.until(first, "awaiting approval")
    await harness.until_true(lambda: bool(harness.world.pages()))
    await decide(first, NO)
    await harness.until(first, "escalated")
    return first, harness.world.pages()


async def other_alert(harness: Harness) -> tuple[Incident, IncidentState]:
    """HighErrorRate finds a leak, whose fix is the same restart."""
    harness.world.errors, harness.world.memory = sights.MANY_ERRORS, sights.FILLING_HEAP
    second = await harness.fire(await harness.alert("HighErrorRate"))
    for _ in range(600):
        state = await harness.state(second)
        if state.phase in ("escalated", "awaiting approval"):
            return second, state
        await harness.sleep(timedelta(seconds=1))
    raise AssertionError(f"neither asks nor escalates: {state.phase}")


async def test_who_denied_has_the_incident_and_nobody_is_paged_at_once(harness: Harness) -> None:
    first, paged = await denied(harness)
    assert (await harness.state(first)).acknowledged_by == "ada"
    await harness.sleep(timedelta(minutes=25))
    assert harness.world.pages() == paged, "it was with ada"
    assert "ServiceDown/backend is with ada" in harness.world.notices()
    await harness.sleep(timedelta(minutes=10))
    assert len(harness.world.pages()) > len(paged), "ada said nothing for half an hour"
    await harness.closes(first)


async def test_what_was_denied_is_not_asked_again_by_the_services_other_alert(harness: Harness) -> None:
    first, paged = await denied(harness)
    second, state = await other_alert(harness)
    assert state.phase == "escalated"
    assert state.refused is not None
    assert (state.refused.reason, state.acknowledged_by) == (RefusalReason.DENIED, "ada")
    assert "in ServiceDown/backend (restart backend): it is the migration" in state.refused.why
    await harness.sleep(timedelta(minutes=20))
    pages = [one for one in harness.world.told if one.incident == second.id and one.first_of]
    assert [(one.occasion, one.role) for one in pages] == [(Occasion.PAGE, "On-Call")], "once"
    assert "it is the migration" in pages[0].text
    assert harness.world.pages() == [*paged, "On-Call"]
    assert not [one for one in harness.world.told if one.title == "approval needed: HighErrorRate/backend"]
    assert harness.world.done == []
    await harness.closes(first)
    await harness.closes(second)


async def test_a_denial_stands_for_an_hour(harness: Harness) -> None:
    first, _ = await denied(harness)
    await harness.closes(first)
    await harness.sleep(timedelta(hours=1))
    second, state = await other_alert(harness)
    assert state.phase == "awaiting approval", "it may be asked again"
    await second.signal("approve")
    assert (await harness.end(second)).outcome is Outcome.RESOLVED
    assert (await harness.book()).denials == (), "a proved recovery ends it as well"


async def test_another_plan_than_the_denied_one_is_asked_for(harness: Harness) -> None:
    first, _ = await denied(harness)
    harness.world.process = sights.crashed(await harness.now())
    harness.world.port = sights.TAKEN_PORT
    await harness.closes(first)
    second = await harness.fire(await harness.alert())
    await harness.until(second, "awaiting approval")
    await second.signal("approve")
    assert (await harness.end(second)).outcome is Outcome.RESOLVED
