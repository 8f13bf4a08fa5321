"""The samples of a verification as a chart, a sentence and a table: all three say the same."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

from hypothesis import given

from activities.review.charts import svg
from activities.review.page import page
from activities.review.probes import chart_of, rows_of
from models.evidence.evidence import Evidence, Finding, Probes
from tests.unit.activities.review.test_probes import BEGAN, SAMPLES, Sample, sampled
from tests.unit.activities.test_review_page import VERIFIED, out_of_memory


def test_each_finding_has_its_line_and_what_was_seen_before_comes_first() -> None:
    chart = chart_of(VERIFIED)
    assert chart.labels[:2] == ("03:15:07", "03:16:42")
    assert {one.name: one.values for one in chart.series} == {
        "well": (None, None, 41.2, 12.5, None, 13.0),
        "not seen": (None, None, None, None, None, None),
        "not well": (None, None, None, None, None, None),
        "before": (2300.0, None, None, None, None, None),
    }
    assert (chart.title, chart.unit) == ("Time to answer", " ms")


def test_who_cannot_see_it_is_told_what_it_shows() -> None:
    assert chart_of(VERIFIED).says == (
        "5 samples from 03:16:42 to 03:17:02 UTC: 1 not well, 1 without an answer; "
        "1 min 35 s before the first: 2,300 ms, not well; while it was well: 12.5 ms to 41.2 ms, "
        "median 13 ms; a sample without a number leaves a gap in the chart."
    )


def test_the_table_has_a_row_for_each() -> None:
    rows = rows_of(VERIFIED)
    assert rows[0] == ("03:15:07", "bad", "before: not well", "2,300 ms")
    assert rows[1] == ("03:16:42", "bad", "not well", "no number")
    assert rows[2] == ("03:16:47", "ok", "well", "41.2 ms")
    assert len(rows) == 6


def test_what_has_no_numbers_is_well_or_not() -> None:
    kept = Probes()
    for place, finding in enumerate((Finding.BAD, Finding.UNKNOWN, Finding.OK)):
        kept = kept.having(Evidence(finding=finding), BEGAN + timedelta(seconds=place))
    chart = chart_of(kept)
    assert {one.name: one.values for one in chart.series} == {
        "well": (None, None, 1.0),
        "not seen": (None, 0.0, None),
        "not well": (0.0, None, None),
    }
    assert chart.title == "Samples of the verification"
    assert chart.says.endswith("; in the chart, 1 stands for well and 0 for not well.")


def test_where_all_was_well_that_is_said_and_nothing_twice() -> None:
    kept = Probes().having(Evidence(finding=Finding.OK), BEGAN)
    text = page(out_of_memory().model_copy(update={"probes": kept}))
    assert "\n\nSamples of the verification: 1 sample from " in text
    assert " UTC: all well; in the chart" in text


@given(SAMPLES)
def test_any_samples_are_drawn_and_always_to_the_same_bytes(samples: list[Sample]) -> None:
    kept = sampled(samples)
    drawn = svg(chart_of(kept))
    assert drawn == svg(chart_of(Probes.model_validate_json(kept.model_dump_json())))
    ElementTree.fromstring(drawn)
