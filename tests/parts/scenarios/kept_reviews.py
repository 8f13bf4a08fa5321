"""The reviews of the scenarios, kept for people to read; and what each must tell who was not there."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from models.incident.review import Review
from models.text import for_markdown as said
from tests.parts.scenarios.scenario import Scenario

SECTIONS = (
    "Summary",
    "What was found",
    "Why this cause",
    "What was done",
    "What people did and said",
    "Timeline",
    "Times",
    "What is left to do",
)


_CHART = re.compile(r"\]\(([^)/]+\.svg)\)")


def keep_review(scenario: Scenario, review: Path) -> None:
    """With its charts, as `$CI_OUTPUT/reviews/ServiceDown-crash.md`, where that is set."""
    if directory := os.environ.get("CI_OUTPUT"):
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{scenario.runbook}-{scenario.name}")
        reviews = Path(directory, "reviews")
        reviews.mkdir(parents=True, exist_ok=True)
        page = review.read_text(encoding="utf-8")
        (reviews / f"{name}.md").write_text(page, encoding="utf-8")
        for chart in _CHART.findall(page):
            shutil.copy(review.with_name(chart), reviews)


def assert_tells_who_was_not_there(review: Review, page: str) -> None:
    """What happened, why, what was done, by whom, what people said, and what is left."""
    parts = dict(part.split("\n\n", 1) for part in page.split("\n## ")[1:])
    assert [name for name in parts if name in SECTIONS] == list(SECTIONS)
    assert review.evidence
    assert all(said(one.reason) in parts["What was found"] for one in review.evidence if one.applies)
    assert said(review.cause) in parts["Why this cause"]
    for one in review.performed:
        assert said(one.plan.says) in parts["What was done"]
        assert one.plan.digest not in page
    people = {entry.by for entry in review.timeline if entry.of_a_person}
    assert all(said(person) in parts["What people did and said"] for person in people)
    assert "through the workflow" not in page
    assert "- [ ] Timeline of events" not in page
