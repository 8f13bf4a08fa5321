"""What is ordered of the control room, and told to a steward, is of whom its signature names; else it is raw.

The product's control room and steward on a real Temporal.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.incidents.stewardship import HistorySeen
from activities.people.signatures import AHEAD, LATEST_WORD
from models.incident.incident import Through
from models.incident.maintenance import EndWindow, Window
from models.incident.stewardship import ControlRoomState, Ordered, StewardState, Switch
from models.messages import DEPLOYED, ORDER, STATE
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, STEWARD, TASK_QUEUE, steward_id
from models.people.order import DeploymentTold, OrderSaid
from runtime.people.orders import TO_CONTROL_ROOM, WORKER, send, to_steward
from runtime.people.signing import Signer
from tests.integration.people.test_forgeries import STRANGERS_KEY, Product, product_with, server
from tests.parts.product.intake import SIGNING_KEY
from tests.parts.product.signing import SIGNER
from tests.workflows.harness import Incident, hosted
from workflows.people.orders import REFUSES_RAW
from workflows.record.timeline import RAW

__all__ = ["server"]
ADA = OrderSaid(by="ada", through=Through.INTAKE)
SUSPEND = Switch(by="mallory", why="a fire")
ROOM = "control-room"


@pytest.fixture
async def product(server: WorkflowEnvironment) -> AsyncIterator[Product]:
    """With a control room and a steward of its own."""
    product, client = Product(server.client), server.client
    async with hosted(client, product.world, lambda: product.configuration):
        await client.start_workflow(
            CONTROL_ROOM, ControlRoomState(), id=CONTROL_ROOM_ID, task_queue=TASK_QUEUE
        )
        await client.start_workflow(
            STEWARD, StewardState(service="backend"), id=steward_id("backend"), task_queue=TASK_QUEUE
        )
        yield product
    for name in (CONTROL_ROOM_ID, steward_id("backend")):
        with suppress(RPCError):
            await client.get_workflow_handle(name).terminate("the test is over")


def room_of(product: Product) -> Incident:
    return product.client.get_workflow_handle(CONTROL_ROOM_ID)


def steward_of(product: Product) -> Incident:
    return product.client.get_workflow_handle(steward_id("backend"))


async def room(product: Product, true: Callable[[ControlRoomState], bool]) -> ControlRoomState:
    """The control room as it is when this is true of it, within a minute."""
    end = time.monotonic() + 60
    while True:
        state: ControlRoomState = await room_of(product).query(STATE, result_type=ControlRoomState)
        if true(state):
            return state
        assert time.monotonic() < end, state
        await asyncio.sleep(0.02)  # between two looks of a bounded wait


async def book(product: Product, true: Callable[[StewardState], bool]) -> StewardState:
    """The same of the steward."""
    end = time.monotonic() + 60
    while True:
        state: StewardState = await steward_of(product).query(STATE, result_type=StewardState)
        if true(state):
            return state
        assert time.monotonic() < end, state
        await asyncio.sleep(0.02)  # between two looks of a bounded wait


def ordered(**what: Any) -> Ordered:
    return Ordered(key=uuid4().hex, **what)


def window(name: str = "w") -> Window:
    return Window(
        id=name, service="backend", begins=datetime.now(UTC), lasts=timedelta(hours=1), by="mallory", why="x"
    )


def version(number: int) -> DeploymentTold:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return DeploymentTold(
        service="backend", version=f"backend:{number}", deployed_at=at, healthy_at=at, current=True
    )


async def takes(product: Product, one: Ordered) -> ControlRoomState:
    """Send it as it is; the state once it was heard."""
    before = await room(product, lambda state: True)
    await room_of(product).signal(ORDER, one)
    return await room(product, lambda state: heard(state, one) or state.not_taken != before.not_taken)


def heard(state: ControlRoomState, one: Ordered) -> bool:
    """Whether it was taken or refused."""
    return one.key in (*state.heard, *(refused.key for refused in state.not_taken))


async def signed(product: Product, one: Ordered, said: OrderSaid = ADA, signer: Signer = SIGNER) -> Ordered:
    """Sent under a signature, and taken or refused."""
    sent = await send(product.client, TO_CONTROL_ROOM, one, said, signer)
    await room(product, lambda state: heard(state, one))
    return sent


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


async def told(product: Product, one: DeploymentTold, said: OrderSaid) -> None:
    await send(product.client, to_steward("backend"), one, said, SIGNER)
    await book(product, lambda state: any(known.version == one.version for known in state.deployments))


async def test_a_raw_deployment_is_no_version_to_go_back_to_where_raw_is_refused(product: Product) -> None:
    product.approvals(temporal_ui=False, trust_this_machine=False)
    await told(product, version(1), WORKER)
    await told(product, version(2), OrderSaid(by="ci", through=Through.COMMAND))
    before = await book(product, lambda state: True)
    assert [one.recorded_by for one in before.deployments] == ["worker", f"ci on {socket.gethostname()}"]
    claim = version(3).model_copy(update={"recorded_by": "worker"})
    await steward_of(product).signal(DEPLOYED, claim)
    state = await book(product, lambda state: bool(state.not_taken))
    assert state.deployments == before.deployments
    seen = HistorySeen.of(state, datetime.now(UTC))
    assert seen.last_healthy == before.deployments[0]
    assert "the deployment of backend:3 did not count" in seen.reason
    assert f"by {RAW}, claims to be “worker”" in seen.reason


async def test_a_raw_deployment_is_marked_where_raw_counts(product: Product) -> None:
    await steward_of(product).signal(DEPLOYED, version(1).model_copy(update={"recorded_by": "worker"}))
    state = await book(product, lambda state: bool(state.deployments))
    assert state.deployments[0].recorded_by == f"{RAW}, claims to be “worker”"


async def test_a_deployment_that_was_told_before_changes_nothing_when_it_is_told_again(
    product: Product,
) -> None:
    """Whoever replays an old one would make the newer one a version that was left."""
    old = await send(product.client, to_steward("backend"), version(1), WORKER, SIGNER)
    await told(product, version(2), WORKER)
    await steward_of(product).signal(DEPLOYED, old)
    later = old.model_copy(update={"deployed_at": datetime.now(UTC)})
    await steward_of(product).signal(DEPLOYED, later)
    other = old.model_copy(update={"service": "frontend"})
    await steward_of(product).signal(DEPLOYED, other)
    state = await book(product, lambda state: len(state.not_taken) == 3)
    assert [one.current for one in state.deployments] == [False, True]
    assert {one.why for one in state.not_taken} == {"its signature was used already"}
