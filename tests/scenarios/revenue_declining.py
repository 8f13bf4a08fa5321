"""RevenueDeclining: every row of its causes table ends in a report, and nothing is ever changed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from xml.etree import ElementTree

from demo.faults.revenue import NO_VIDEOS, changed
from models.incident.incident import Entry, IncidentState, Outcome, Phase
from tests.parts.product.pipeline import Pipeline, Run, said
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows.rows import Row
from tests.workflows.runbooks import revenue_sights as sights
from tests.workflows.scenes import scene

INFO = {"alerts": {"RevenueDeclining": {"severity": "info"}}}

_row = partial(Scenario, runbook="RevenueDeclining")
_reports = partial(_row, outcome=Outcome.CLOSED_BY_HUMAN, reports=True)
no_videos = changed(NO_VIDEOS)


async def charts_are_beside_the_review(pipeline: Pipeline, played: Played) -> None:
    """The review links what is really there, and the report of before says the same."""
    stored = await pipeline.stored_review(played.run)
    directory = pipeline.stack.directory / "reviews"
    time, *charts = [link.partition(")")[0] for link in stored.split("](")[1:] if ".svg)" in link]
    assert (directory / time).name.endswith("-time.svg")
    ElementTree.parse(directory / time)
    assert [chart.rpartition("-")[2] for chart in charts] == ["days.svg", "platforms.svg", "returns.svg"]
    for chart in charts:
        ElementTree.parse(directory / chart)
        assert f"]({chart})" in (directory / f"{chart.rpartition('-')[0]}-report.md").read_text()


async def the_worker_is_killed(pipeline: Pipeline, run: Run) -> None:
    """While nobody has read the report yet; the next one waits on, and reports nothing twice."""
    await pipeline.until_state(run, "a report", lambda state: bool(_reported(state)))
    await pipeline.stack.worker.kill()
    await pipeline.stack.worker.start()
    state = await pipeline.until_state(run, "still waits", lambda state: bool(state.waits_for))
    assert len(_reported(state)) == 1


def _reported(state: IncidentState) -> list[Entry]:
    return said(state.timeline, "reports: ")


SCENARIOS = (
    _reports(
        name="weekly pattern",
        cause="weekly pattern",
        faults=("weekend",),
        evidence={"revenue": "against the same weekday of last week"},
    ),
    _reports(
        name="one platform fell",
        cause="one platform fell",
        faults=("platform-falls",),
        evidence={"platforms": "youtube", "product_returns": "none of"},
        afterwards=charts_are_beside_the_review,
    ),
    _reports(
        name="no videos",
        cause="no videos",
        faults=("revenue-without-videos",),
        evidence={"last_video": "30 h"},
    ),
    _reports(
        name="videos are generated, and not published",
        cause="no videos",
        faults=("revenue-unpublished",),
        evidence={"last_video": "published 30 h"},
    ),
    _reports(
        name="products that lose money",
        cause="products that lose money",
        faults=("losing-products",),
        evidence={"product_returns": "2 of"},
    ),
    _reports(
        name="less on one platform, and no videos",
        cause="one platform fell",
        faults=("platform-falls", no_videos),
        also_seen=("no videos",),
    ),
    _reports(
        name="nothing tells why, and the worker is killed",
        cause="unknown",
        faults=("revenue-falls",),
        meanwhile=the_worker_is_killed,
    ),
    _row(
        name="nothing is wrong",
        cause="",
        outcome=Outcome.SELF_RECOVERED,
        timeline=("the alert is not true any more",),
    ),
    _row(
        name="the figures are not complete",
        cause="",
        faults=("revenue-not-imported",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "no action taken"),
        evidence={"revenue": "it has no figure of"},
    ),
    _row(
        name="resolved before anybody read it",
        cause="unknown",
        faults=("revenue-falls",),
        resolved_when=Phase.DIAGNOSING,
        outcome=Outcome.RESOLVED_ELSEWHERE,
    ),
)

_SCRIPTED = (
    Row("weekly pattern", scene(revenue=sights.WEEKEND)),
    Row("one platform fell", scene(revenue=sights.YOUTUBE_FELL)),
    Row(
        "one platform fell",
        scene(revenue=sights.earned(youtube=(20, 100, 110), tiktok=(200, 180, 80))),
        variant="while another grew so much that the sum is as a week ago",
        also_seen=(),
    ),
    Row(
        "weekly pattern",
        scene(revenue=sights.earned(youtube=(40, 100, 42), tiktok=(80, 80, 80))),
        variant="of one platform",
    ),
    Row("no videos", scene(revenue=sights.FALLS, last_video=sights.OLD_VIDEO)),
    Row(
        "no videos",
        scene(revenue=sights.FALLS, last_video=sights.UNPUBLISHED),
        variant="they are generated, and not published",
    ),
    Row(
        "no videos",
        scene(revenue=sights.FALLS, open_incidents=sights.NO_VIDEOS),
        variant="an incident says so",
    ),
    Row(
        "unknown",
        scene(revenue=sights.FALLS, open_incidents=sights.NO_VIDEOS_ELSEWHERE),
        variant="an incident says so of another service",
    ),
    Row(
        "unknown",
        scene(revenue=sights.FALLS, last_video=sights.RECENT_VIDEO, open_incidents=sights.NO_VIDEOS),
        variant="videos are missing for three hours only",
    ),
    Row("products that lose money", scene(revenue=sights.FALLS, product_returns=sights.LOSING)),
    Row(
        "unknown",
        scene(revenue=sights.FALLS, product_returns=sights.EARN_AS_BEFORE),
        variant="products lose money, and earn as before",
    ),
    Row("unknown", scene(revenue=sights.FALLS)),
    Row(
        "one platform fell",
        scene(revenue=sights.YOUTUBE_FELL, last_video=sights.OLD_VIDEO, product_returns=sights.LOSING),
        variant="and two more",
        also_seen=("no videos", "products that lose money"),
    ),
)

ROWS = tuple(replace(row, reports=True, pages=(), configuration=INFO) for row in _SCRIPTED)
