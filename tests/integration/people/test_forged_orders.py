"""What is ordered of the control room is of whom its signature names; else it is raw."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.people.signatures import AHEAD, LATEST_WORD
from models.incident.incident import Through
from models.incident.maintenance import EndWindow
from models.incident.order import OrderSaid
from models.incident.stewardship import ControlRoomState, Ordered, Switch
from models.messages import ORDER
from models.names import steward_id
from runtime.people.signing import Signer
from tests.integration.people.orders import (
    ROOM,
    SUSPEND,
    ordered,
    product,
    room,
    room_of,
    signed,
    takes,
    window,
)
from tests.integration.people.test_forgeries import STRANGERS_KEY, Product, product_with, server
from tests.parts.product.intake import SIGNING_KEY
from tests.parts.product.signing import SIGNER
from workflows.people.orders import REFUSES_RAW
from workflows.record.timeline import RAW

__all__ = ["product", "server"]


async def test_where_raw_orders_are_refused_none_is_taken_and_each_is_seen(product: Product) -> None:
    product.approvals(temporal_ui=False)
    await signed(product, ordered(begin=window("kept")))
    raw = {
        "suspend": ordered(suspend=SUSPEND),
        "resume": ordered(resume=SUSPEND),
        "maintenance start w": ordered(begin=window()),
        "maintenance end kept": ordered(end=EndWindow(id="kept")),
    }
    for what, one in raw.items():
        state = await takes(product, one)
        seen = state.not_taken[-1]
        assert (seen.what, seen.why, seen.key) == (what, REFUSES_RAW, one.key)
        assert seen.by.startswith(RAW)
        assert ("“mallory”" in seen.by) == (what != "maintenance end kept"), "the claim is quoted"
        assert (state.suspended, [one.id for one in state.windows]) == (False, ["kept"])
    for update in ("suspend", "resume"):
        for arguments in ([], [SUSPEND]):
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await room_of(product).execute_update(update, args=arguments)
            assert isinstance(refused.value.cause, ApplicationError)
            assert refused.value.cause.message == REFUSES_RAW
    state = await room(product, lambda state: True)
    assert (state.suspended, len(state.not_taken)) == (False, 5)
    described = await room_of(product).describe()
    memo = await described.memo_value("control_room", type_hint=ControlRoomState)
    assert (memo.not_taken, memo.used.nonces) == (state.not_taken, {}), "read without a worker"


async def test_where_raw_orders_count_they_are_nobodys(product: Product) -> None:
    raw_mallory = f"{RAW}, claims to be “mallory”"
    state = await takes(product, ordered(suspend=SUSPEND, begin=window()))
    assert (state.suspended_words, state.windows[0].by) == (
        f"suspended by {raw_mallory}: a fire",
        raw_mallory,
    )
    claims = OrderSaid(by="ada", says_to_be="the boss", through=Through.INTAKE)
    state = await takes(product, ordered(resume=Switch(by="ada")).under(claims))
    assert (state.suspended, state.not_taken) == (False, ())
    assert state.by == f"{RAW}, claims to be “ada (as the boss)” and to come through the intake"
    assert (await room_of(product).execute_update("suspend", result_type=ControlRoomState)).by == RAW


@pytest.mark.parametrize("raw_counts", [True, False])
async def test_a_signed_order_is_that_of_its_person(product: Product, raw_counts: bool) -> None:
    product.approvals(temporal_ui=raw_counts)
    await signed(product, ordered(suspend=SUSPEND))
    await signed(product, ordered(begin=window()))
    state = await room(product, lambda state: True)
    assert (state.suspended, state.by, state.windows[0].by) == (True, "ada", "ada")
    await signed(product, ordered(end=EndWindow(id="w")))
    await signed(product, ordered(resume=Switch(by="mallory")))
    state = await room(product, lambda state: True)
    assert (state.suspended, state.windows, state.not_taken) == (False, (), ())
    history = (await room_of(product).fetch_history()).to_json()
    assert SIGNING_KEY not in history, "the key is in no history"


def resealed(one: Ordered, **signature: Any) -> Ordered:
    """Under our key, with another time, run or machine."""
    assert one.said is not None
    assert one.said.signature is not None
    words = one.words("")
    unsealed = one.said.signature.model_copy(update=signature)
    seal = words.statement(ROOM, ORDER, unsealed).seal(SIGNING_KEY)
    return one.under(words.model_copy(update={"signature": unsealed.model_copy(update={"seal": seal})}))


async def forged(product: Product) -> dict[str, tuple[Ordered, str]]:
    """Orders that are not what was signed, each with what must be said of it."""
    good = await signed(product, ordered(end=EndWindow(id="other")))
    assert good.said is not None
    assert good.said.signature is not None
    now, fresh = datetime.now(UTC), uuid4().hex
    elsewhere = "of something else"
    new = resealed(good.model_copy(update={"key": uuid4().hex}), nonce="new")
    assert new.said is not None

    def changed(**fields: Any) -> Ordered:
        return new.model_copy(update={"key": uuid4().hex, **fields})

    def says(**fields: Any) -> Ordered:
        assert new.said is not None
        return new.under(new.said.model_copy(update=fields)).model_copy(update={"key": new.key})

    stranger = Signer(lambda: product_with(STRANGERS_KEY))
    run = good.said.signature.run
    strangers = stranger.signed(new.words(""), ORDER, ROOM, run)
    named_as_ours = strangers.signature
    assert named_as_ours is not None
    of_a_steward = SIGNER.signed(new.words(""), ORDER, steward_id("backend"), run)
    return {
        "sent again under another key": (good.model_copy(update={"key": fresh}), "used already"),
        "another window": (changed(end=EndWindow(id="w")), elsewhere),
        "for good": (changed(end=EndWindow(id="other", for_good=True)), elsewhere),
        "another person": (says(by="bob"), elsewhere),
        "of a steward": (new.under(of_a_steward), elsewhere),
        "another run": (resealed(changed(), run="another", nonce="a"), "for another run"),
        "too old": (
            resealed(changed(), at=now - LATEST_WORD - timedelta(seconds=5), nonce="b"),
            "ago by the worker's clock",
        ),
        "not yet": (
            resealed(changed(), at=now + AHEAD + timedelta(minutes=1), nonce="c"),
            "ahead of the worker's clock",
        ),
        "a wrong key under the name of ours": (
            new.under(
                new.said.model_copy(
                    update={
                        "signature": named_as_ours.model_copy(update={"key": good.said.signature.key})
                    }
                )
            ),
            elsewhere,
        ),
    }  # fmt: skip


async def test_forged_orders_are_refused_and_seen(product: Product) -> None:
    """Also where raw orders count: a forgery is not forgiven."""
    await signed(product, ordered(begin=window()))
    await signed(product, ordered(begin=window("other")))
    forgeries = await forged(product)
    await signed(product, ordered(begin=window("other")))
    for what, (one, says) in forgeries.items():
        state = await takes(product, one)
        assert one.key not in state.heard, "it keeps out no order whose key it uses"
        assert says in state.not_taken[-1].why, what
        assert state.not_taken[-1].by.startswith(RAW), what
        assert [one.id for one in state.windows] == ["w", "other"], what


async def test_the_same_signed_order_is_taken_once(product: Product) -> None:
    sent = await signed(product, ordered(suspend=SUSPEND))
    await signed(product, ordered(resume=Switch(by="ada")))
    for _ in range(21):  # so many are known by their key
        await signed(product, ordered(end=EndWindow(id="none")))
    await room_of(product).signal(ORDER, sent)
    state = await room(product, lambda state: bool(state.not_taken))
    assert (state.suspended, state.not_taken[0].why) == (False, "its signature was used already")


async def test_an_order_under_a_key_that_the_worker_lacks_is_raw_and_says_why(product: Product) -> None:
    stranger = Signer(lambda: product_with(STRANGERS_KEY))
    await signed(product, ordered(suspend=SUSPEND), signer=stranger)
    state = await room(product, lambda state: True)
    assert state.suspended
    assert state.by.startswith(RAW)
    assert "does not have the key" in state.by
    product.approvals(temporal_ui=False)
    await signed(product, ordered(resume=SUSPEND), signer=stranger)
    state = await room(product, lambda state: True)
    assert (state.suspended, state.not_taken[0].why) == (True, REFUSES_RAW)


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_user_is_believed_on_a_trusted_machine_alone(product: Product, trusted: bool) -> None:
    product.approvals(temporal_ui=False, trust_this_machine=trusted)
    typed = OrderSaid(by="ada", says_to_be="anna", through=Through.COMMAND)
    await signed(product, ordered(suspend=SUSPEND), typed)
    state = await room(product, lambda state: True)
    assert state.suspended == trusted
    if trusted:
        assert state.by == "ada (as anna)"
    else:
        assert f"does not trust the machine {socket.gethostname()}" in state.not_taken[0].by
