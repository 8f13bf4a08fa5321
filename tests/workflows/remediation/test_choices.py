"""Several plans in one question: no word takes the recommended one, a digest takes another, `deny` none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from models.actions.change import Risk
from models.incident.announcement import Occasion
from models.incident.incident import IncidentState, PendingApproval, Verdict
from tests.parts.product.signing import by, decide
from tests.workflows.choosing import Choosing
from tests.workflows.harness import Harness, Incident, open_harness
from tests.workflows.incident.test_new_runs import known, told_for_months
from tests.workflows.remediation.test_approvals import details, noted
from tests.workflows.remediation.test_degradation import DEGRADE, RESTORE
from workflows.runbooks.classes import WORKFLOWS

START, RESTART = "start backend", "restart backend"


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    async with open_harness(workflows=(*WORKFLOWS, Choosing)) as harness:
        yield harness


async def asked(harness: Harness) -> tuple[Incident, PendingApproval]:
    """An incident that lets a person choose."""
    handle = await harness.fire(await harness.alert(), Choosing.__name__)
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    return handle, state.awaiting


def called(awaiting: PendingApproval, says: str) -> str:
    """The digest of one option."""
    return next(one.digest for one in awaiting.options if one.plan.says == says)


async def test_the_safest_is_not_done_unasked(harness: Harness) -> None:
    handle, awaiting = await asked(harness)
    assert [one.plan.says for one in awaiting.options] == [START, RESTART, DEGRADE]
    assert [one.risk for one in awaiting.options] == [Risk.SAFE, Risk.GUARDED, Risk.GUARDED]
    assert [one.recommended for one in awaiting.options] == [True, False, False]
    assert (awaiting.plan.says, awaiting.digest) == (START, awaiting.plan.digest)
    await harness.sleep(60)
    assert harness.world.done == []
    await handle.signal("approve")
    review = await harness.end(handle)
    assert harness.world.done == [START]
    (done,) = review.performed
    restart, degrade = called(awaiting, RESTART), called(awaiting, DEGRADE)
    assert done.instead_of == (f"{RESTART} (plan {restart})", f"{DEGRADE} (plan {degrade})")
    words = f"approve of plan {awaiting.digest}, the recommended one, instead of {restart}, {degrade}"
    assert any(entry.text == words for entry in review.timeline)


@pytest.mark.parametrize("said", [str, str.upper, " {} ".format, lambda digest: {"plan": digest}])
async def test_the_ui_signal_may_name_another_one(harness: Harness, said: Callable[[str], object]) -> None:
    handle, awaiting = await asked(harness)
    await handle.signal("approve", said(called(awaiting, RESTART)))
    review = await harness.end(handle)
    assert harness.world.done == [RESTART]
    assert review.performed[0].approved_by == "somebody in the Temporal UI (raw)"
    assert review.performed[0].instead_of[0] == f"{START} (plan {awaiting.digest})"


async def test_an_authenticated_person_may_name_another_one(harness: Harness) -> None:
    handle, awaiting = await asked(harness)
    decided = await decide(handle, by("ada", plan=called(awaiting, RESTART)))
    assert decided.accepted
    assert "not the recommended one" in decided.reason
    review = await harness.end(handle)
    assert (harness.world.done, review.performed[0].approved_by) == ([RESTART], "ada")


async def test_a_plan_that_is_not_offered_is_not_taken(harness: Harness) -> None:
    handle, awaiting = await asked(harness)
    decided = await decide(handle, by("ada", plan="0" * 12))
    assert not decided.accepted
    assert all(digest in decided.reason for digest in awaiting.digests)
    await handle.signal("approve", "0" * 12)
    await harness.sleep(1)
    assert harness.world.done == []
    assert (await decide(handle, by("ada"))).accepted
    await harness.end(handle)
    assert harness.world.done == [START]


@pytest.mark.parametrize("named", ["", START, RESTART])
async def test_a_denial_refuses_all_whichever_it_names(harness: Harness, named: str) -> None:
    handle, awaiting = await asked(harness)
    plan = called(awaiting, named) if named else ""
    assert (await decide(handle, by("ada", plan=plan, verdict=Verdict.DENY))).accepted
    state = await harness.until(handle, "escalated")
    assert noted(state, f"ada denied: {START}; or {RESTART}; or {DEGRADE}")
    assert noted(state, f"deny of plans {awaiting.digest} (recommended), {called(awaiting, RESTART)}")
    assert harness.world.done == []
    await harness.closes(handle)


async def test_the_second_decision_changes_nothing(harness: Harness) -> None:
    handle, awaiting = await asked(harness)
    harness.world.hold("restart_service")
    assert (await decide(handle, by("ada", plan=called(awaiting, RESTART)))).accepted
    assert not (await decide(handle, by("bob", plan=awaiting.digest))).accepted
    harness.world.let_go("restart_service")
    await harness.end(handle)
    assert harness.world.done == [RESTART]


async def test_everybody_is_told_each_option_and_how_to_take_it(harness: Harness) -> None:
    handle, awaiting = await asked(harness)
    shown = await details(handle)
    await harness.until_true(lambda: any(one.occasion is Occasion.APPROVAL for one in harness.world.told))
    (asks,) = [one.text for one in harness.world.told if one.occasion is Occasion.APPROVAL]
    for option in awaiting.options:
        (step,) = option.plan.steps
        for text in (shown.replace("\\", ""), asks):
            assert all(word in text for word in (option.digest, step.says, step.changes, option.risk))
            assert (step.undo or "impossible") in text
    assert f"`{awaiting.digest}` (safe), **recommended**" in shown
    assert shown.count("recommended**") == 1
    assert f'as `"{awaiting.others[0].digest}"`' in shown
    assert f"Plan {awaiting.digest}, recommended: {START}." in asks
    assert "--plan DIGEST" in asks
    lines = [entry.text for entry in (await harness.state(handle)).timeline]
    restart = called(awaiting, RESTART)
    asked_for = f"plan {awaiting.digest} (recommended): {START}; or plan {restart}: {RESTART}; or plan "
    assert any(asked_for in line for line in lines)
    await handle.signal("deny")
    await harness.closes(handle)


async def test_only_the_temporary_one_is_reverted(harness: Harness) -> None:
    handle, awaiting = await asked(harness)
    harness.world.hold("watch_providers")
    await handle.signal("approve", called(awaiting, DEGRADE))
    await harness.until_true(lambda: "watch_providers" in harness.world.called)
    assert harness.world.done == [DEGRADE]
    harness.world.let_go("watch_providers")
    await harness.end(handle)
    assert harness.world.done == [DEGRADE, RESTORE]


async def test_a_temporary_one_whose_outcome_is_lost_is_reverted(harness: Harness) -> None:
    harness.world.lost["degrade"] = 1
    harness.world.found_later = False
    handle, awaiting = await asked(harness)
    await handle.signal("approve", called(awaiting, DEGRADE))
    await harness.closes(handle)
    assert harness.world.done[-1] == RESTORE


async def test_the_question_stands_with_all_options_in_the_next_run(harness: Harness) -> None:
    handle, awaiting = await asked(harness)
    await harness.sleep(5)
    before = await harness.state(handle)
    handle = await told_for_months(harness, handle)
    after = await harness.state(handle)
    assert known(after) == known(before)
    assert after.awaiting == awaiting
    await handle.signal("approve", called(awaiting, RESTART))
    await harness.end(handle)
    assert harness.world.done == [RESTART]


async def test_the_next_run_knows_which_one_was_taken(harness: Harness) -> None:
    harness.world.hold("watch_health")
    handle, awaiting = await asked(harness)
    await handle.signal("approve", called(awaiting, RESTART))
    await harness.until(handle, "verifying")
    handle = await told_for_months(harness, handle)
    harness.world.let_go("watch_health")
    review = await harness.end(handle)
    assert harness.world.done == [RESTART]
    after = [entry.text for entry in review.timeline if entry.text.startswith("the page goes on after")]
    assert after == [f"the page goes on after: {RESTART}"] * 2


async def test_a_choice_that_nobody_makes_expires(harness: Harness) -> None:
    harness.configure(approvals={"expire_after": "5m", "ask_again_after": "5m"})
    handle, awaiting = await asked(harness)
    state: IncidentState = await harness.until(handle, "escalated")
    assert noted(
        state, f"the approval of plan {' or '.join(awaiting.digests)} expired: {START}; or {RESTART}"
    )
    assert harness.world.done == []
    await harness.closes(handle)
