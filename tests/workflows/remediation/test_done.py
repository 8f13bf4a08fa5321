"""`done` ends the phase in which it is said, and counts for nothing later."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.remediation.test_degradation import DEGRADE, RESTORE, degraded
from tests.workflows.scenes import failing
from tests.workflows.stewardship.test_stewardship import first_of_two, service_down


async def test_done_during_a_question_withdraws_it(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await service_down(harness)
    await harness.until(handle, "awaiting approval")
    await handle.signal("done", {"by": "ada"})
    review = await harness.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert (await harness.state(handle)).awaiting is None
    assert harness.world.done == []
    assert (await harness.book()).holder is None


async def test_done_during_a_verification_reverts_what_was_temporary(harness: Harness) -> None:
    harness.world.hold("watch_errors")
    handle = await degraded(harness)
    await harness.until(handle, "verifying")
    await handle.signal("done")
    review = await harness.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert harness.world.done == [DEGRADE, RESTORE]
    assert (await harness.book()).failures == (), "nobody saw whether it helped"


async def test_done_while_it_acts_ends_the_incident_once_it_has_acted(harness: Harness) -> None:
    harness.world.hold("start_service")
    handle = await service_down(harness)
    await harness.until_true(lambda: "start_service" in harness.world.called)
    await handle.signal("done")
    harness.world.let_go("start_service")
    review = await harness.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert "watch_health" not in harness.world.called
    assert len(review.performed) == 1


async def test_done_while_something_temporary_is_done_reverts_it(harness: Harness) -> None:
    await failing(providers=sights.PROVIDER_DOWN)(harness)
    harness.world.hold("degrade")
    harness.world.hold("watch_providers")
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until_true(lambda: "degrade" in harness.world.called)
    await handle.signal("done")
    harness.world.let_go("degrade")
    assert (await harness.end(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert harness.world.done == [DEGRADE, RESTORE]


async def test_done_while_waiting_in_line_leaves_the_line(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await second.signal("done")
    assert (await harness.end(second)).outcome is Outcome.CLOSED_BY_HUMAN
    assert (await harness.book()).waiting == ()
    await harness.resolve(first)
    await harness.end(first)


async def test_an_earlier_done_reverts_nothing_later(harness: Harness) -> None:
    await failing(providers=sights.PROVIDER_DOWN)(harness)
    harness.world.hold("watch_providers")
    handle = await harness.fire(await harness.alert("HighErrorRate"), start_signal="done")
    await harness.until(handle, "resolved")
    await harness.sleep(5)
    assert harness.world.done == [DEGRADE], "the provider is not back yet"
    harness.world.let_go("watch_providers")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_a_revert_during_the_verification_keeps_the_hold(harness: Harness) -> None:
    harness.world.hold("watch_errors")
    handle = await degraded(harness)
    harness.world.let_go("watch_providers")
    await harness.until_true(lambda: RESTORE in harness.world.done)
    await harness.sleep(5)
    holder = (await harness.book()).holder
    assert holder is not None
    assert holder.incident == "HighErrorRate/backend"
    harness.world.watched["watch_errors"] = sights.FAILING
    harness.world.let_go("watch_errors")
    await harness.until(handle, "escalated")
    await harness.sleep(1)
    book = await harness.book()
    assert (book.holder, len(book.failures)) == (None, 1), "what did not help is counted"
    await harness.closes(handle)
