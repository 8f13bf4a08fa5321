"""Incidents that are marked in Grafana when they are over: once each, and never in anybody's way."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.grafana.annotations import IncidentMarks
from activities.review.reviews import ReviewActivities
from models.configuration.configuration import Configuration
from models.configuration.processes import Systems
from models.incident.dry_run import DryRun
from models.incident.incident import Outcome
from models.incident.review import Review, StoredReview
from tests.integration.grafana.conftest import TOKEN, Grafana
from tests.parts.servers.sockets import closed_port
from tests.unit.activities.test_review_page import BEGAN, out_of_memory

Write = Callable[..., Awaitable[StoredReview]]
HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)>"


@pytest.fixture
async def write(tmp_path: Path) -> AsyncIterator[Write]:
    """Store a review as a worker does whose configuration marks incidents at this address."""
    (tmp_path / "token").write_text(TOKEN)

    async def run(address: str, review: Review | None = None, **more: Any) -> StoredReview:
        annotations = {"token": {"file": str(tmp_path / "token")}, **more}
        configuration = Configuration.of(
            {
                "systems": {"grafana": address, "annotations": annotations},
                "intake": {"public_url": "https://runbooks.example.com"},
            },
            (),
        )
        marks = IncidentMarks(client, lambda: configuration)
        activities = ReviewActivities(tmp_path / "reviews", marks.mark)
        return await ActivityEnvironment().run(activities.write_review, review or out_of_memory())

    async with httpx.AsyncClient(trust_env=False) as client:
        yield run


async def test_an_incident_is_marked_from_its_beginning_to_its_end(grafana: Grafana, write: Write) -> None:
    await write(grafana.url, tags=["production"], dashboard="costs")
    (mark,) = grafana.annotations
    began = int(BEGAN.timestamp() * 1000)
    assert (mark["time"], mark["timeEnd"]) == (began, began + 400_000)
    assert mark["tags"] == [
        "runbooks", f"run:{out_of_memory().run_id}", "ServiceDown", "backend", "resolved", "production",
    ]  # fmt: skip
    assert mark["dashboardUID"] == "costs"
    assert mark["text"] == (
        "<b>ServiceDown/backend</b>: resolved after 6 min 40 s, cause out of memory<br>"
        "backend ran out of memory. Its limit was raised to 768 MiB, and it is healthy again.<br>"
        '<a href="https://runbooks.example.com/incidents/ServiceDown/backend">Open the incident</a>'
    )


async def test_no_tag_and_not_all_together_are_longer_than_grafana_takes(
    grafana: Grafana, write: Write
) -> None:
    review = out_of_memory()
    alert = review.alert.model_copy(update={"name": "A" * 128, "service": "s" * 60})
    long = [f"{number}{'t' * 49}" for number in range(4)]
    run_id = "0" * 36
    review = review.model_copy(update={"alert": alert, "run_id": run_id, "outcome": Outcome.CLOSED_BY_HUMAN})
    await write(grafana.url, review, tags=[*long, "end"])
    tags = grafana.annotations[0]["tags"]
    assert [one for one in tags if len(one) > 100] == []
    assert len(json.dumps(tags)) <= 500
    assert tags[:4] == ["runbooks", f"run:{review.run_id}", "A" * 99 + "…", "s" * 60]
    assert "end" in tags, "what fits is kept"


async def test_a_retry_marks_nothing_again_and_the_next_firing_is_another(
    grafana: Grafana, write: Write
) -> None:
    for _ in range(3):
        await write(grafana.url)
    assert len(grafana.annotations) == 1
    await write(grafana.url, out_of_memory().model_copy(update={"run_id": "019ac1b2-1111"}))
    assert len(grafana.annotations) == 2


async def test_a_dry_run_marks_nothing(httpserver: HTTPServer, write: Write) -> None:
    dry = DryRun(why="dry_run: true", planned=(), ended=Outcome.RESOLVED, same="", by_person=False)
    stored = await write(httpserver.url_for(""), out_of_memory().model_copy(update={"dry_run": dry}))
    assert stored.path
    assert httpserver.log == []


async def test_an_answer_that_was_lost_is_no_reason_to_mark_it_twice(
    httpserver: HTTPServer, write: Write
) -> None:
    kept: list[Any] = []

    def answer(request: Request) -> Response:
        if request.method == "GET":
            return Response(json.dumps([{"id": 1}] if kept else []), content_type="application/json")
        kept.append(request.get_json())
        return Response("", 502)  # it was taken, and the proxy lost the answer

    httpserver.expect_request("/api/annotations").respond_with_handler(answer)
    with capture_logs() as said:
        await write(httpserver.url_for(""))
    assert [one["reason"].partition(" at ")[0] for one in said] == ["answered 502"]
    await write(httpserver.url_for(""))  # the worker was lost before it told of the review
    assert len(kept) == 1


async def test_what_an_alert_or_a_log_says_stays_text(grafana: Grafana, write: Write) -> None:
    await write(grafana.url, out_of_memory().model_copy(update={"summary": HOSTILE, "cause": HOSTILE}))
    (mark,) = grafana.annotations
    assert "<script" not in mark["text"]
    assert "<img" not in mark["text"]
    assert "&lt;script&gt;" in mark["text"]


async def test_a_grafana_that_does_not_take_it_holds_nobody_up(
    httpserver: HTTPServer, write: Write, tmp_path: Path
) -> None:
    said: list[Any] = []
    stuck = threading.Event()

    def slow(_: Request) -> Response:
        stuck.wait(20)
        return Response("[]", content_type="application/json")

    answers: list[Callable[[Request], Response]] = [
        lambda _: Response("{}", 401), lambda _: Response("", 500),
        lambda _: Response("<html>log in</html>", content_type="text/html"), slow,
    ]  # fmt: skip
    for place, one in enumerate(answers):
        httpserver.expect_request(f"/{place}/api/annotations").respond_with_handler(one)
        with capture_logs() as lines:
            stored = await write(httpserver.url_for(f"/{place}"))
        assert stored.path
        said += lines
    stuck.set()
    with capture_logs() as lines:
        await write(f"http://127.0.0.1:{closed_port()}")
        (tmp_path / "token").unlink()
        await write(httpserver.url_for(""))
    said += lines
    reasons = [str(one["reason"]) for one in said]
    expected = (
        "refuses the token", "answered 500", "is not Grafana", "no answer within 3 s",
        "refused", "cannot read",
    )  # fmt: skip
    assert [words for words, reason in zip(expected, reasons, strict=True) if words not in reason] == []
    assert TOKEN not in str(said)


def test_marks_need_an_address() -> None:
    annotations = {"token": {"env": "GRAFANA_TOKEN"}}
    with pytest.raises(ValidationError, match=r"set systems\.grafana"):
        Systems.model_validate({"annotations": annotations})
    Systems.model_validate({"annotations": {**annotations, "url": "https://grafana.example.com"}})


async def test_without_it_nobody_is_asked(httpserver: HTTPServer, tmp_path: Path) -> None:
    configuration = Configuration.of({"systems": {"grafana": httpserver.url_for("")}}, ())
    async with httpx.AsyncClient(trust_env=False) as client:
        marks = IncidentMarks(client, lambda: configuration)
        await ActivityEnvironment().run(ReviewActivities(tmp_path, marks.mark).write_review, out_of_memory())
    assert httpserver.log == []
