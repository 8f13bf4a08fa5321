"""What a digest reads from a review is what the workflow writes into it."""

from __future__ import annotations

from datetime import timedelta

from activities.lessons.decisions import Answer, decisions
from activities.lessons.digest import escalated_because
from models.incident.incident import Verdict
from tests.parts.product.signing import by, decide
from tests.workflows.harness import Harness
from tests.workflows.remediation.test_approvals import KILL, asked


async def test_an_approval(harness: Harness) -> None:
    handle, digest = await asked(harness)
    await harness.sleep(300)
    await decide(handle, by("ada", plan=digest))
    (one,) = decisions(await harness.end(handle))
    assert (one.answer, one.by, one.what.startswith(f"plan {digest}: {KILL}")) == (
        Answer.APPROVED,
        "ada",
        True,
    )
    assert one.after is not None
    assert timedelta(minutes=5) <= one.after < timedelta(minutes=6)


async def test_a_denial_with_words(harness: Harness) -> None:
    handle, digest = await asked(harness)
    denial = by("ada", plan=digest, verdict=Verdict.DENY).model_copy(update={"text": "it is mine"})
    await decide(handle, denial)
    await harness.until(handle, "escalated")
    review = await harness.closes(handle)
    (one,) = decisions(review)
    assert (one.answer, one.by, one.words) == (Answer.DENIED, "ada", "it is mine")
    assert escalated_because(review).startswith("ada denied: ")


async def test_an_expired_question(harness: Harness) -> None:
    harness.configure(approvals={"expire_after": "15m"})
    handle, _ = await asked(harness)
    await harness.until(handle, "escalated", step=timedelta(minutes=1))
    (one,) = decisions(await harness.closes(handle))
    assert (one.answer, one.by) == (Answer.EXPIRED, "")


async def test_an_alert_that_is_over_before_the_answer(harness: Harness) -> None:
    handle, _ = await asked(harness)
    await harness.resolve(handle)
    (one,) = decisions(await harness.end(handle))
    assert one.answer is Answer.NONE
