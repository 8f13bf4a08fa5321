"""RevenueDeclining against a scripted world: who is told, what ends it, and that nothing is touched."""

from __future__ import annotations

from datetime import timedelta

from models.incident.announcement import Occasion
from models.incident.incident import Outcome
from tests.scenarios.revenue_declining import INFO
from tests.workflows.configuration import merged
from tests.workflows.harness import Harness, Incident
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.runbooks import revenue_sights as sights
from tests.workflows.scenes import scene
from tests.workflows.sights import HEALTHY, RUNNING


async def declining(harness: Harness) -> Incident:
    harness.configure(**INFO)
    await scene(revenue=sights.YOUTUBE_FELL)(harness)
    return await harness.fire(await harness.alert("RevenueDeclining"))


async def reported(harness: Harness) -> Incident:
    handle = await declining(harness)
    await harness.until_true(lambda: bool(harness.world.reports))
    await harness.sleep(5)
    return handle


async def test_its_owner_is_sent_the_report_and_nobody_is_paged_at_once(harness: Harness) -> None:
    handle = await reported(harness)
    (told,) = (one for one in harness.world.told if one.title.startswith("Revenue of"))
    assert (told.occasion, told.role, told.first_of) == (Occasion.NOTICE, "On-Call", ("discord", "pager"))
    assert "reviews/RevenueDeclining/backend-report.md" in told.text
    assert "youtube 20.00, -80% against the day before (100.00)" in told.text
    assert harness.world.pages() == []
    state = await harness.state(handle)
    assert state.review == "reviews/RevenueDeclining/backend-report.md"
    await handle.signal("acknowledge")
    review = await harness.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert [chart.name for chart in review.report.charts] == ["days", "platforms"] if review.report else False
    assert review.responded_after is not None, "who acknowledged it responded"
    assert harness.world.done == []


async def test_a_report_that_nobody_acknowledges_pages_in_time(harness: Harness) -> None:
    handle = await reported(harness)
    await harness.sleep(timedelta(hours=1, minutes=59))
    assert harness.world.pages() == []
    await harness.sleep(timedelta(minutes=2))
    assert harness.world.pages() == ["On-Call"]
    await harness.sleep(timedelta(hours=4))
    assert harness.world.pages() == ["On-Call", "Team Lead"]
    await handle.signal("acknowledge")
    assert (await harness.end(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_where_somebody_is_due_the_report_is_the_page_and_the_only_message(harness: Harness) -> None:
    harness.configure(**merged(INFO, {"alerts": {"RevenueDeclining": {"severity": "warning"}}}))
    await scene(revenue=sights.YOUTUBE_FELL)(harness)
    handle = await harness.fire(await harness.alert("RevenueDeclining"))
    await harness.until_true(lambda: bool(harness.world.reports))
    await harness.sleep(timedelta(minutes=10))
    (told,) = harness.world.told
    assert (told.occasion, told.role) == (Occasion.PAGE, "On-Call")
    assert told.title.startswith("Revenue of")
    await handle.signal("acknowledge")
    await harness.end(handle)


async def test_the_end_of_the_alert_ends_the_wait(harness: Harness) -> None:
    handle = await reported(harness)
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, review.performed) == (Outcome.RESOLVED_ELSEWHERE, ())
    assert review.report is not None


async def test_done_ends_the_wait(harness: Harness) -> None:
    handle = await reported(harness)
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_revenue_that_does_not_decline_reports_nothing(harness: Harness) -> None:
    harness.configure(**INFO)
    await scene(revenue=sights.GROWS, process=RUNNING, health=HEALTHY)(harness)
    review = await harness.end(await harness.fire(await harness.alert("RevenueDeclining")))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert (harness.world.reports, harness.world.done) == ([], [])


async def test_figures_that_are_not_complete_are_no_decline(harness: Harness) -> None:
    harness.configure(**INFO)
    await scene(revenue=sights.INCOMPLETE)(harness)
    handle = await harness.fire(await harness.alert("RevenueDeclining"))
    state = await harness.until(handle, "escalated")
    assert any("could not verify the alert" in entry.text for entry in state.timeline)
    await harness.until_true(lambda: bool(harness.world.notices()))
    assert harness.world.pages() == [], "it is announced, and pages nobody at once"
    assert "RevenueDeclining/backend needs a person" in harness.world.notices()
    await harness.closes(handle)
    assert (harness.world.reports, harness.world.done) == ([], [])


async def test_a_new_run_knows_the_report_and_reports_once(harness: Harness) -> None:
    handle = await told_for_months(harness, await reported(harness))
    await handle.signal("acknowledge")
    review = await harness.end(handle)
    assert review.report == harness.world.reports[0]
    assert len(harness.world.reports) == 1
