"""`done` ends the phase in which it is said, and counts for nothing later."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Night
from tests.workflows.remediation.test_degradation import DEGRADE, RESTORE, degraded
from tests.workflows.scenes import failing
from tests.workflows.stewardship.test_stewardship import first_of_two, service_down


async def test_done_during_a_question_withdraws_it(night: Night) -> None:
    night.world.port = sights.TAKEN_PORT
    handle = await service_down(night)
    await night.until(handle, "awaiting approval")
    await handle.signal("done", {"by": "ada"})
    review = await night.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert (await night.state(handle)).awaiting is None
    assert night.world.done == []
    assert (await night.book()).holder is None


async def test_done_during_a_verification_reverts_what_was_temporary(night: Night) -> None:
    night.world.hold("watch_errors")
    handle = await degraded(night)
    await night.until(handle, "verifying")
    await handle.signal("done")
    review = await night.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert night.world.done == [DEGRADE, RESTORE]
    assert (await night.book()).failures == (), "nobody saw whether it helped"


async def test_done_while_it_acts_ends_the_incident_once_it_has_acted(night: Night) -> None:
    night.world.hold("start_service")
    handle = await service_down(night)
    await night.until_true(lambda: "start_service" in night.world.called)
    await handle.signal("done")
    night.world.let_go("start_service")
    review = await night.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert "watch_health" not in night.world.called
    assert len(review.performed) == 1


async def test_done_while_something_temporary_is_done_reverts_it(night: Night) -> None:
    await failing(providers=sights.PROVIDER_DOWN)(night)
    night.world.hold("degrade")
    night.world.hold("watch_providers")
    handle = await night.fire(await night.alert("HighErrorRate"))
    await night.until_true(lambda: "degrade" in night.world.called)
    await handle.signal("done")
    night.world.let_go("degrade")
    assert (await night.end(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert night.world.done == [DEGRADE, RESTORE]


async def test_done_while_waiting_in_line_leaves_the_line(night: Night) -> None:
    first, second = await first_of_two(night)
    await second.signal("done")
    assert (await night.end(second)).outcome is Outcome.CLOSED_BY_HUMAN
    assert (await night.book()).waiting == ()
    await night.resolve(first)
    await night.end(first)


async def test_an_earlier_done_reverts_nothing_later(night: Night) -> None:
    await failing(providers=sights.PROVIDER_DOWN)(night)
    night.world.hold("watch_providers")
    handle = await night.fire(await night.alert("HighErrorRate"), start_signal="done")
    await night.until(handle, "resolved")
    await night.env.sleep(5)
    assert night.world.done == [DEGRADE], "the provider is not back yet"
    night.world.let_go("watch_providers")
    assert (await night.end(handle)).outcome is Outcome.RESOLVED


async def test_a_revert_during_the_verification_keeps_the_hold(night: Night) -> None:
    night.world.hold("watch_errors")
    handle = await degraded(night)
    night.world.let_go("watch_providers")
    await night.until_true(lambda: RESTORE in night.world.done)
    await night.env.sleep(5)
    holder = (await night.book()).holder
    assert holder is not None
    assert holder.incident == "HighErrorRate/backend"
    night.world.watched["watch_errors"] = sights.FAILING
    night.world.let_go("watch_errors")
    await night.until(handle, "escalated")
    await night.env.sleep(1)
    book = await night.book()
    assert (book.holder, len(book.failures)) == (None, 1), "what did not help is counted"
    await night.closes(handle)
