"""An incident that stays open goes on in new runs, and knows what it knew: nobody notices."""

from __future__ import annotations

from datetime import timedelta

from models.incident.announcement import Occasion
from models.incident.incident import IncidentState, Outcome, Spoken
from models.incident.stewardship import Answered, Ask, Hold
from models.names import Severity
from tests.parts.product.signing import tell
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.incident.test_joining import its_database_asks, its_database_is_asked_about
from tests.workflows.remediation.test_degradation import DEGRADE, RESTORE, degraded
from workflows.record.continuation import LONG

KILL = "kill process 77 (thief), which listens on port 3000"


async def run_of(handle: Incident) -> str:
    return (await handle.describe()).run_id


async def told_for_months(harness: Harness, handle: Incident) -> Incident:
    """The incident in its next run, after so many notifications that change nothing."""
    first, alert = await run_of(handle), (await harness.state(handle)).alert
    for _ in range(LONG):
        await handle.signal("alert_changed", alert)
    for _ in range(120):
        if await run_of(handle) != first:
            return harness.incident(handle.id)
        await harness.sleep(1)
    raise AssertionError(f"it never went on in a new run: {await harness.state(handle)}")


def known(state: IncidentState) -> IncidentState:
    """All but the summary, which says how long ago it began."""
    return state.model_copy(update={"summary": ""})


def lines(state: IncidentState, text: str) -> int:
    return sum(text in entry.text for entry in state.timeline)


async def test_who_waits_for_a_person_knows_the_acknowledgement_and_closes_by_done(harness: Harness) -> None:
    harness.world.works = False
    handle = await harness.fire(await harness.alert())
    began_in = await run_of(handle)
    await harness.until(handle, "escalated")
    await tell(handle, "acknowledge", Spoken(by="ada"))
    await harness.sleep(5)
    before = await harness.state(handle)
    told = list(harness.world.told)
    handle = await told_for_months(harness, handle)
    handle = await told_for_months(harness, handle)
    after = await harness.state(handle)
    assert known(after) == known(before)
    assert after.acknowledged_by == "ada"
    await harness.sleep(10 * 60)
    assert harness.world.told == told, "nobody is told anything twice"
    review = await harness.closes(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert review.run_id == began_in
    assert [one.found for one in review.performed] == ["it did not help"]
    assert any("logs" in line.name for line in review.evidence)
    assert [one.run_id for one in harness.world.told] == [began_in] * len(harness.world.told)


async def test_an_acknowledgement_that_goes_quiet_is_asked_about_on_time(harness: Harness) -> None:
    harness.world.works = False
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await handle.signal("acknowledge")
    pages = len(harness.world.pages())
    handle = await told_for_months(harness, handle)
    await harness.sleep(25 * 60)
    assert len(harness.world.pages()) == pages
    await harness.sleep(10 * 60)
    assert len(harness.world.pages()) == pages + 1


async def test_the_ladder_goes_on_from_its_rung(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert("DiskSlow"), "AnyAlert")
    await harness.until(handle, "escalated")
    await harness.sleep(5)
    assert harness.world.pages() == ["On-Call"]
    handle = await told_for_months(harness, handle)
    await harness.sleep(60)
    assert harness.world.pages() == ["On-Call"], "the next rung is not due yet"
    assert (await harness.state(handle)).rung == "On-Call"
    await harness.sleep(12 * 3600)
    pages = harness.world.pages()
    assert pages[:2] == ["On-Call", "Team Lead"]
    assert pages.count("On-Call") == 1, "only the top is asked again"
    await harness.closes(handle)
    ended = {one.role for one in harness.world.told[-1].ends}
    assert ended == set(pages), "the end closes the page of everybody, paged in this run or before"


async def test_the_same_question_stands_and_the_service_stays_held(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(5)
    before = await harness.state(handle)
    began_in, looks = await run_of(handle), harness.world.called.count("probe_health")
    handle = await told_for_months(harness, handle)
    after = await harness.state(handle)
    assert known(after) == known(before)
    assert after.awaiting is not None
    assert harness.world.called.count("probe_health") == looks, "its page is not begun anew"
    assert [one.occasion for one in harness.world.told].count(Occasion.APPROVAL) == 1
    assert await queued_for_minutes(harness) == ("ServiceDown/backend", began_in)
    await handle.signal("approve")
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == [KILL, "start backend"]
    holder = (await harness.book()).holder
    assert holder is not None
    assert holder.incident == "Other/b", "it was let go by the incident that held it"


async def queued_for_minutes(harness: Harness) -> tuple[str, str]:
    """Who holds the service, after the steward asked Temporal whether its holder still runs."""
    hold = Hold(incident="Other/b", run_id="x", severity=Severity.INFO, asked_at=sights.LONG_AGO)
    ask = Ask(key="other", service="backend", hold=hold)
    answered: Answered = await harness.steward().execute_update("ask", ask, result_type=Answered)
    assert answered.answer == "queued"
    await harness.sleep(150)  # between two questions: the test server loses a task whose timer ends now
    holder = (await harness.book()).holder
    assert holder is not None
    return holder.incident, holder.run_id


async def test_a_question_that_stands_expires_on_time(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(timedelta(hours=3))
    handle = await told_for_months(harness, handle)
    await harness.sleep(timedelta(minutes=50))
    assert (await harness.state(handle)).phase == "awaiting approval"
    await harness.sleep(timedelta(minutes=20))
    state = await harness.state(handle)
    assert state.phase == "escalated"
    assert state.awaiting is None
    assert harness.world.done == []


async def test_what_is_temporary_is_still_reverted(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    handle = await told_for_months(harness, handle)
    assert harness.world.done == [DEGRADE]
    assert (await harness.state(handle)).phase == "resolved"
    harness.world.let_go("watch_providers")
    review = await harness.end(handle)
    assert harness.world.done == [DEGRADE, RESTORE]
    assert review.outcome is Outcome.RESOLVED


async def test_a_person_who_is_done_reverts_it(harness: Harness) -> None:
    harness.world.watched["watch_errors"] = sights.FAILING
    handle = await degraded(harness)
    await harness.until(handle, "escalated")
    handle = await told_for_months(harness, handle)
    review = await harness.closes(handle)
    assert harness.world.done == [DEGRADE, RESTORE]
    assert review.outcome is Outcome.CLOSED_BY_HUMAN


async def test_a_watch_begins_anew_and_nothing_is_done_twice(harness: Harness) -> None:
    harness.world.hold("watch_health")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "verifying")
    handle = await told_for_months(harness, handle)
    harness.world.let_go("watch_health")
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend"]


async def test_two_that_wait_for_one_another_find_each_other_in_their_new_runs(harness: Harness) -> None:
    await its_database_asks(harness)
    waits = await harness.fire(await harness.alert())
    healing = await its_database_is_asked_about(harness)
    healing = await told_for_months(harness, healing)
    waits = await told_for_months(harness, waits)
    state = await harness.state(waits)
    assert lines(state, "DatabaseConnectionFailure/postgres, and waits for its end") == 1
    await healing.signal("approve")
    await harness.end(healing)
    review = await harness.end(waits)
    assert review.outcome is Outcome.RESOLVED
    assert review.handed_to == ("DatabaseConnectionFailure/postgres",)
    assert [one.role for one in harness.world.told if one.occasion is Occasion.PAGE].count("DBA") <= 2
