"""An endpoint out of service is put back: well behind its switch, the alert over, or a person's word."""

from __future__ import annotations

from typing import Any

from activities.endpoints.seen import EndpointKind
from models.evidence.evidence import Finding
from models.incident.incident import Outcome
from tests.scenarios.broken_endpoint import (
    BROKEN,
    LABELS,
    MAINTAIN,
    PATH,
    PROBED,
    QUIET,
    REOPEN,
    SWITCHES,
    broken,
    issue,
    record,
    seen,
)
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.scenes import deployed

DISABLE = f"disable {PATH} of backend"
BYPASS = {"header": "X-Past", "value": {"env": "BYPASS"}}
SEEN_BEHIND: dict[str, Any] = {
    "services": {
        "backend": {
            "endpoints": {
                "url": "http://localhost:3000",
                "known": [{"path": PATH, "names": [LABELS["route"]], **SWITCHES, "bypass": BYPASS}],
            }
        }
    }
}


async def out_of_service(
    harness: Harness, configuration: dict[str, Any] = SEEN_BEHIND, *, take: int = 0
) -> Incident:
    """An incident whose endpoint a person took out of service; the watch behind the switch goes on."""
    harness.configure(**configuration)
    await broken(BROKEN, endpoint_issues=issue())(harness)
    handle = await harness.fire(await harness.alert("BrokenEndpoint", labels=LABELS))
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    harness.world.hold("watch_endpoint")
    await handle.signal("approve", state.awaiting.options[take].digest)
    await harness.until_true(lambda: "watch_endpoint" in harness.world.called)
    return handle


async def test_it_waits_with_its_reason_to_be_seen_and_holds_nothing(harness: Harness) -> None:
    handle = await out_of_service(harness)
    await harness.sleep(1)
    state = await harness.state(handle)
    assert state.waits_for.startswith(f"a repaired {PATH}: repair the code by its trace")
    assert (await harness.book()).holder is None
    assert harness.world.done == [MAINTAIN]
    harness.world.let_go("watch_endpoint")
    await harness.end(handle)


async def test_the_ladder_climbs_until_somebody_repairs_it(harness: Harness) -> None:
    ladder = [{"role": "On-Call", "after": "0s"}, {"role": "Team Lead", "after": "8s"}]
    handle = await out_of_service(harness, {**SEEN_BEHIND, "escalation": {"service-down": ladder}})
    await harness.until_it_waits(handle)
    assert "Team Lead" not in harness.world.pages()
    await harness.sleep(10)
    assert harness.world.pages()[-1] == "Team Lead"
    harness.world.let_go("watch_endpoint")
    await harness.end(handle)


async def test_it_is_put_back_when_it_is_well_and_then_proved(harness: Harness) -> None:
    handle = await out_of_service(harness, take=1)
    harness.world.let_go("watch_endpoint")
    review = await harness.end(handle)
    assert harness.world.done == [DISABLE, REOPEN]
    assert harness.world.called.count("watch_endpoint") == 2, "behind the switch, and without it"
    assert review.outcome is Outcome.RESOLVED


async def test_what_fails_as_before_without_its_switch_goes_to_a_person(harness: Harness) -> None:
    harness.world.watched["watch_endpoint"] = sights.FAILING
    handle = await out_of_service(harness)
    harness.world.let_go("watch_endpoint")
    await harness.until(handle, "escalated")
    assert harness.world.done == [MAINTAIN, REOPEN], "its time is over, and it is not closed again"
    await harness.closes(handle)


async def test_the_end_of_the_alert_puts_it_back_where_nobody_sees_behind(harness: Harness) -> None:
    handle = await out_of_service(harness, PROBED)
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert harness.world.done == [MAINTAIN, REOPEN]
    assert review.outcome is not Outcome.CLOSED_BY_HUMAN


async def test_where_it_is_seen_the_end_of_the_alert_is_not_enough(harness: Harness) -> None:
    """An endpoint that is disabled fails for nobody: that its alert is over proves nothing."""
    handle = await out_of_service(harness)
    await harness.resolve(handle)
    await harness.sleep(5)
    assert harness.world.done == [MAINTAIN]
    harness.world.let_go("watch_endpoint")
    await harness.end(handle)
    assert harness.world.done == [MAINTAIN, REOPEN]


async def test_done_puts_it_back_at_once(harness: Harness) -> None:
    handle = await out_of_service(harness)
    review = await harness.closes(handle)
    assert harness.world.done == [MAINTAIN, REOPEN]
    assert review.outcome is Outcome.CLOSED_BY_HUMAN


async def test_a_lost_outcome_is_put_back_too(harness: Harness) -> None:
    harness.world.lost["answer_maintenance"] = 2
    handle = await out_of_service(harness)
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    assert harness.world.done[-1] == REOPEN


async def test_the_wait_goes_on_in_the_next_run(harness: Harness) -> None:
    handle = await out_of_service(harness)
    handle = await told_for_months(harness, handle)
    assert harness.world.done == [MAINTAIN]
    assert (await harness.state(handle)).waits_for.startswith("a repaired")
    harness.world.let_go("watch_endpoint")
    review = await harness.end(handle)
    assert harness.world.done == [MAINTAIN, REOPEN]
    assert review.outcome is Outcome.RESOLVED


async def test_what_is_gone_is_told_with_the_newest_deployment(harness: Harness) -> None:
    """It may have been removed by it, or the path is wrong: a person knows."""
    harness.configure(**PROBED)
    gone = seen(record(PATH, EndpointKind.GONE, 404), finding=Finding.UNKNOWN)
    await deployed(broken(gone, QUIET))(harness)
    handle = await harness.fire(await harness.alert("BrokenEndpoint", labels=LABELS))
    state = await harness.until(handle, "escalated")
    assert any("answered 404; backend:2 runs since " in entry.text for entry in state.timeline)
    assert harness.world.done == []
    await harness.closes(handle)


async def test_what_cannot_be_put_back_pages(harness: Harness) -> None:
    handle = await out_of_service(harness)
    harness.world.works = False
    pages = len(harness.world.pages())
    harness.world.let_go("watch_endpoint")
    await harness.until_true(lambda: len(harness.world.pages()) > pages)
    harness.world.works = True
    await harness.end(handle)
    assert harness.world.done[-1] == REOPEN
