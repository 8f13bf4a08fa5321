"""What a message says of itself is never believed: a person's word is signed, and all else is raw.

Real runbooks on a real Temporal; what is looked at and done is scripted, and to be done is to kill a process.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.people.signatures import AHEAD, LATEST
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.incident.incident import Decided, Decision, Entry, IncidentState, Spoken, Through, Verdict
from models.incident.review import Review
from models.incident.search_attributes import ALL
from models.names import STEWARD, TASK_QUEUE
from models.people.signature import key_name
from runtime.people.signing import Signer
from tests.parts.product.intake import SIGNING_KEY
from tests.parts.product.signing import SIGNER, VARIABLE, by, signed, signed_decision, tell
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.harness import Incident, hosted
from tests.workflows.world import World
from workflows.record.timeline import RAW
from workflows.runbooks.registry import NAMES

REFUSED = "did not count"
CLAIMS = [
    {"by": name, "through": through} for name, through in itertools.product(("", "ada", "mallory"), Through)
]
"""Every combination of a name and a channel."""
NUMBERS = itertools.count()
"""Of the incidents of all tests: they are on one server."""
STRANGERS_KEY = "a-key-that-a-stranger-has-made-up-0123456789"


@dataclass
class Product:
    """A worker with a scripted world, on a server of its own."""

    client: Client
    world: World = field(default_factory=World)
    configuration: Configuration = field(default_factory=lambda: Configuration.of(CONFIGURATION, NAMES))

    def approvals(self, **settings: Any) -> None:
        self.configuration = Configuration.of(merged(CONFIGURATION, {"approvals": settings}), NAMES)

    async def asks(self) -> Incident:
        """An incident of its own that asks whether it may kill a process."""
        name = f"Typed{next(NUMBERS)}"
        alert = Alert(name=name, service="backend", starts_at=datetime.now(UTC))
        await self.client.start_workflow("ServiceDown", alert, id=alert.incident_id, task_queue=TASK_QUEUE)
        incident: Incident = self.client.get_workflow_handle(alert.incident_id, result_type=Review)
        await until(incident, lambda state: state.awaiting is not None)
        return incident


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary, data_converter=pydantic_data_converter, search_attributes=ALL
    )
    async with environment as env:
        yield env


@pytest.fixture
async def product(server: WorkflowEnvironment) -> AsyncIterator[Product]:
    product = Product(server.client)
    product.world.port = sights.TAKEN_PORT
    async with hosted(server.client, product.world, lambda: product.configuration):
        yield product
    open_now = [one async for one in server.client.list_workflows("ExecutionStatus = 'Running'")]
    for one in sorted(open_now, key=lambda one: one.workflow_type == STEWARD):  # no steward outlives it
        with suppress(RPCError):  # it ended meanwhile
            await server.client.get_workflow_handle(one.id, run_id=one.run_id).terminate("the test is over")


async def state_of(incident: Incident) -> IncidentState:
    state: IncidentState = await incident.query("state", result_type=IncidentState)
    return state


async def until(incident: Incident, true: Callable[[IncidentState], bool]) -> IncidentState:
    """The incident as it is when this is true of it, within a minute."""
    end = time.monotonic() + 60
    while not true(state := await state_of(incident)):
        assert time.monotonic() < end, state
        await asyncio.sleep(0.05)  # between two looks of a bounded wait
    return state


async def line(incident: Incident, text: str, nth: int = 1) -> Entry:
    """The so manieth line of the timeline with this text, once it is there."""

    def found(state: IncidentState) -> list[Entry]:
        return [entry for entry in state.timeline if text in entry.text]

    return found(await until(incident, lambda state: len(found(state)) >= nth))[nth - 1]


async def decided(incident: Incident, decision: Decision) -> Decided:
    """The answer to a raw update, as `temporal workflow update execute` gets it."""
    answer: Decided = await incident.execute_update("decide", decision, result_type=Decided)
    return answer


async def test_where_raw_messages_are_refused_no_claim_gets_through(product: Product) -> None:
    product.approvals(temporal_ui=False, approvers=["ada"])
    incident = await product.asks()
    awaiting = (await state_of(incident)).awaiting
    assert awaiting is not None
    for number, claim in enumerate(CLAIMS, 1):
        answer = await decided(incident, Decision(plan=awaiting.digest, **claim))
        assert not answer.accepted
        assert "refuses raw signals and updates" in answer.reason
        for message in ("approve", "acknowledge", "done"):
            await incident.signal(message, claim)
        nth = 2 * number if claim else number
        entry = await line(incident, f"approve {REFUSED}", nth)
        assert entry.by.startswith(RAW)
        assert entry.through is Through.TEMPORAL_UI
        assert (f"“{claim['by']}”" in entry.by) == bool(claim["by"]), "the claim is quoted"
        assert (await line(incident, f"done {REFUSED}", number)).by.startswith(RAW)
    state = await state_of(incident)
    assert (state.awaiting, state.acknowledged_by) == (awaiting, "")
    assert product.world.done == []
    metadata = await incident.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert "Decide by the intake or the command line" in metadata.current_details
    assert REFUSED in metadata.current_details
    assert r"somebody in the Temporal UI (raw)" in metadata.current_details


async def test_where_raw_messages_count_they_are_nobodys_whatever_they_claim(product: Product) -> None:
    product.approvals(approvers=["ada"])
    incident = await product.asks()
    for message in ("acknowledge", "note"):
        for number, claim in enumerate(CLAIMS, 1):
            await incident.signal(message, claim)
            entry = await line(incident, {"acknowledge": "acknowledged"}.get(message, message), number)
            assert entry.by.startswith(RAW)
            assert entry.through is Through.TEMPORAL_UI
    assert (await state_of(incident)).acknowledged_by == RAW
    answer = await decided(incident, by("ada"))
    assert answer.accepted
    assert "raw, and it claims to be “ada” and to come through the intake" in answer.reason
    state = await until(incident, lambda state: bool(state.performed))
    assert state.performed[0].approved_by == RAW


async def test_a_signed_word_is_that_of_its_person(product: Product) -> None:
    product.approvals(temporal_ui=False, approvers=["ada"])
    incident = await product.asks()
    await tell(incident, "acknowledge", Spoken(by="ada", through=Through.INTAKE))
    assert (await line(incident, "acknowledged")).by == "ada"
    mallory = await decided(incident, await signed_decision(incident, by("mallory")))
    assert mallory == Decided(accepted=False, reason="mallory is not on the list of approvers")
    assert (await decided(incident, await signed_decision(incident, by("ada")))).accepted
    state = await until(incident, lambda state: bool(state.performed))
    assert state.performed[0].approved_by == "ada"
    history = (await incident.fetch_history()).to_json()
    assert SIGNING_KEY not in history, "the key is in no history"


async def forged(incident: Incident) -> dict[str, tuple[Decision, str]]:
    """Decisions that are not what was signed, each with what must be said of it."""
    good = await signed_decision(incident, by("ada"))
    assert good.signature is not None

    def at(moment: datetime, **also: str) -> Decision:
        assert good.signature is not None
        when = good.signature.model_copy(update={"at": moment, **also})
        seal = good.statement(incident.id, "approve", when).seal(SIGNING_KEY)
        return good.model_copy(update={"signature": when.model_copy(update={"seal": seal})})

    def changed(**fields: Any) -> Decision:
        return good.model_copy(update=fields)

    def signature(**fields: Any) -> Decision:
        assert good.signature is not None
        return changed(signature=good.signature.model_copy(update=fields))

    stranger = Signer(lambda: product_with(STRANGERS_KEY))
    now = datetime.now(UTC)
    elsewhere = "of something else"
    return {
        "another person": (changed(by="bob"), elsewhere),
        "another name": (changed(says_to_be="bob"), elsewhere),
        "another channel": (changed(through=Through.COMMAND), elsewhere),
        "another verdict": (changed(verdict=Verdict.DENY), elsewhere),
        "another plan": (changed(plan="0" * 12), elsewhere),
        "no plan": (changed(plan=""), "names its plan"),
        "other words": (changed(text="and restart the database"), elsewhere),
        "another nonce": (signature(nonce="0"), elsewhere),
        "another time": (signature(at=now + timedelta(seconds=1)), elsewhere),
        "another machine": (signature(host="laptop-of-ada"), elsewhere),
        "no seal": (signature(seal=""), elsewhere),
        "a seal that is no ASCII": (signature(seal="ü"), elsewhere),
        "another incident": (elsewhere_signed(good, "another-run"), "another incident"),
        "another incident, with the run of this one": (
            elsewhere_signed(good, good.signature.run),
            elsewhere,
        ),
        "too old": (at(now - LATEST["approve"] - timedelta(seconds=5)), "ago by the worker's clock"),
        "not yet": (at(now + AHEAD + timedelta(minutes=1)), "ahead of the worker's clock"),
        "a wrong key": (await signed(incident, good, "approve", stranger), "does not have the key"),
        "a wrong key under the name of ours": (
            signature(seal=good.statement(incident.id, "approve", good.signature).seal(STRANGERS_KEY)),
            elsewhere,
        ),
        "made for a denial": (
            (await signed(incident, good, "deny")).model_copy(update={"verdict": Verdict.APPROVE}),
            elsewhere,
        ),
    }


def elsewhere_signed(decision: Decision, run: str) -> Decision:
    """The same decision, made for another incident."""
    return SIGNER.signed(decision, "approve", "ServiceDown/frontend", run)


def product_with(key: str) -> Configuration:
    """A configuration whose key is this one."""
    os.environ["STRANGERS_KEY"] = key
    return Configuration.model_validate({"approvals": {"keys": [{"env": "STRANGERS_KEY"}]}})


async def test_forged_signatures_are_refused_and_seen(product: Product) -> None:
    """Also where raw messages count: a forgery is not forgiven."""
    incident = await product.asks()
    awaiting = (await state_of(incident)).awaiting
    for number, (what, (decision, says)) in enumerate((await forged(incident)).items(), 1):
        answer = await decided(incident, decision)
        assert not answer.accepted, what
        assert says in answer.reason, what
        entry = await line(incident, REFUSED, number)
        assert entry.by.startswith(RAW), what
        assert "“ada" in entry.by or "“bob" in entry.by, what
    assert (await state_of(incident)).awaiting == awaiting
    assert product.world.done == []


async def test_a_signature_counts_once(product: Product) -> None:
    incident = await product.asks()
    word = await signed(incident, Spoken(by="ada", through=Through.INTAKE), "note")
    await incident.signal("note", word)
    await incident.signal("note", word)
    assert (await line(incident, "note")).by == "ada"
    assert "was used already" in (await line(incident, f"note {REFUSED}")).text
    refusal = await signed_decision(incident, by("ada", verdict=Verdict.DENY))
    assert (await decided(incident, refusal)).accepted
    assert "was used already" in (await decided(incident, refusal)).reason
    assert product.world.done == []


async def test_a_word_under_a_key_that_the_worker_lacks_is_raw_and_says_why(product: Product) -> None:
    """It is not forged: nobody is paged on because a key was not handed out."""
    incident = await product.asks()
    stranger = Signer(lambda: product_with(STRANGERS_KEY))
    await tell(incident, "acknowledge", Spoken(by="ada", through=Through.INTAKE), stranger)
    entry = await line(incident, "acknowledged")
    assert entry.by.startswith(RAW)
    assert f"does not have the key {key_name(STRANGERS_KEY)}" in entry.by


async def test_of_several_keys_the_newest_signs_and_each_verifies(product: Product) -> None:
    incident = await product.asks()
    newer = [{"env": "STRANGERS_KEY"}, {"env": VARIABLE}]
    product_with(STRANGERS_KEY)
    product.approvals(keys=newer)
    signers = {"ada": Signer(lambda: product.configuration), "bob": SIGNER}
    for number, (name, signer) in enumerate(signers.items(), 1):
        await tell(incident, "note", Spoken(by=name, through=Through.INTAKE), signer)
        assert (await line(incident, "note", number)).by == name


@pytest.mark.parametrize(
    ("settings", "believed"),
    [
        ({}, True),
        ({"trust_this_machine": False}, False),
        ({"trust_this_machine": False, "trusted_machines": [socket.gethostname()]}, True),
        ({"trust_this_machine": False, "trusted_machines": ["another"]}, False),
    ],
)
async def test_a_user_is_believed_on_a_trusted_machine_alone(
    product: Product, settings: dict[str, Any], believed: bool
) -> None:
    product.approvals(temporal_ui=False, **settings)
    incident = await product.asks()
    command = Decision(by="ada", says_to_be="anna", through=Through.COMMAND, verdict=Verdict.DENY)
    answer = await decided(incident, await signed_decision(incident, command))
    assert answer.accepted == believed, answer
    entry = await line(incident, "deny")
    if believed:
        assert entry.by == "ada (as anna)"
    else:
        assert entry.by.startswith(RAW)
        assert f"does not trust the machine {socket.gethostname()}" in answer.reason
