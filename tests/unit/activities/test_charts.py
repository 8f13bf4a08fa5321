"""Charts: what they draw of which numbers, and what no text from outside can do to them."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from activities.review.charts import HEIGHT, WIDTH, svg
from activities.review.report_page import report_page
from models.incident.report import Chart, ChartKind, Report, Series

NAMESPACE = "{http://www.w3.org/2000/svg}"
PLATFORMS = Chart(
    name="platforms",
    title="Revenue by platform",
    says="youtube fell from 106 to 20",
    labels=("youtube", "tiktok"),
    series=(Series(name="now", values=(20.0, None)), Series(name="before", values=(106.0, -12.5))),
    unit=" USD",
    line=50,
)
REPORT = Report(
    title="Revenue fell", paragraphs=("It fell.",), charts=(PLATFORMS,), to_do=("Review A/B test results",)
)
NUMBERS = st.floats(min_value=-1e12, max_value=1e12) | st.none()


def drawn(chart: Chart) -> Element:
    return ElementTree.fromstring(svg(chart))


def bars(root: Element) -> list[Element]:
    return [one for one in root.iter(f"{NAMESPACE}rect") if one.find(f"{NAMESPACE}title") is not None]


def test_each_known_value_is_a_bar_that_says_itself_and_an_unknown_one_is_none() -> None:
    said = [bar.findtext(f"{NAMESPACE}title") for bar in bars(drawn(PLATFORMS))]
    assert said == ["now, youtube: 20 USD", "before, youtube: 106 USD", "before, tiktok: -12.5 USD"]


def test_bars_are_as_long_as_their_values() -> None:
    now, before, refunded = (float(bar.get("height", "")) for bar in bars(drawn(PLATFORMS)))
    assert before / now == pytest.approx(106 / 20, rel=0.01)
    assert refunded / now == pytest.approx(12.5 / 20, rel=0.02)


def test_who_cannot_see_it_is_told_the_same() -> None:
    root = drawn(PLATFORMS)
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "chart-title chart-description")
    assert root.findtext(f"{NAMESPACE}title") == "Revenue by platform"
    assert root.findtext(f"{NAMESPACE}desc") == "youtube fell from 106 to 20"


def test_it_is_readable_in_the_light_and_in_the_dark() -> None:
    style = drawn(PLATFORMS).findtext(f"{NAMESPACE}style") or ""
    light, dark = style.split("@media screen and (prefers-color-scheme:dark)")
    for name in ("background", "text", ".axis path", ".major.line", ".s0", ".s1", ".s2", ".s3"):
        assert name in light
        assert name in dark


def test_the_same_numbers_make_the_same_bytes_and_nothing_is_loaded() -> None:
    assert svg(PLATFORMS) == svg(PLATFORMS.model_copy(deep=True))
    assert not re.search(r"href|url\(|@import|<script|<image|<foreignObject", svg(PLATFORMS))


HOSTILE = '</title><script>alert(1)</script>" onload="x" ]]> \x00\u202e\ufffe & <!--'


def test_text_from_outside_stays_text() -> None:
    values = Series(name=HOSTILE, values=(1.0,))
    chart = Chart(name="x", title=HOSTILE, says=HOSTILE, labels=(HOSTILE,), series=(values,), unit=HOSTILE)
    root = drawn(chart)
    assert {one.tag for one in root.iter()} == {
        f"{NAMESPACE}{tag}" for tag in ("svg", "title", "desc", "style", "text", "g", "path", "rect")
    }
    assert not any("onload" in one.attrib for one in root.iter())
    page = report_page(REPORT.model_copy(update={"charts": (chart,), "paragraphs": (HOSTILE,)}), "file")
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inner = [child for one in tokens for child in one.children or ()]
    assert not [one for one in (*tokens, *inner) if one.type.startswith("html")]
    assert [one.attrs["src"] for one in inner if one.type == "image"] == ["file-x.svg"]


@given(st.lists(NUMBERS, min_size=1, max_size=12), st.lists(NUMBERS, min_size=1, max_size=12), NUMBERS)
def test_every_bar_is_on_the_sheet(one: list[float | None], two: list[float | None], line: float) -> None:
    chart = Chart(
        name="any",
        title="any",
        says="any",
        labels=tuple(str(number) for number in range(max(len(one), len(two)))),
        series=(Series(name="one", values=tuple(one)), Series(name="two", values=tuple(two))),
        line=line,
    )
    for bar in bars(drawn(chart)):
        x, y, width, height = (float(bar.get(key, "nan")) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + width <= WIDTH
        assert y >= 0
        assert y + height <= HEIGHT


FORECAST = Chart(
    name="size",
    kind=ChartKind.LINE,
    title="Size",
    says="full in three days",
    labels=("1", "2", "3", "4", "5", "6"),
    series=(
        Series(name="measured", values=(100.0, None, 102.0, 103.0)),
        Series(
            name="forecast",
            values=(None, None, None, 103.0, 104.0, 105.0),
            low=(None, None, None, 103.0, 103.5, 104.0),
            high=(None, None, None, 103.0, 104.5, 106.0),
        ),
    ),
    unit=" GiB",
    line=105,
)


def points(path: Element) -> list[tuple[float, float]]:
    numbers = [float(one) for one in re.findall(r"-?[0-9.]+", path.get("d", ""))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_a_forecast_is_a_line_within_its_band() -> None:
    groups = [one for one in drawn(FORECAST).iter(f"{NAMESPACE}g") if one.get("class", "").startswith("s ")]
    measured, forecast = ([*group.iter(f"{NAMESPACE}path")] for group in groups)
    assert [len(points(path)) for path in measured] == [2], "a gap is no line"
    band, line = forecast
    assert band.get("class") == "band"
    upper, lower = points(band)[:3], points(band)[:2:-1]
    assert [x for x, _ in upper] == [x for x, _ in lower] == [x for x, _ in points(line)]
    between = zip(upper, points(line), lower, strict=True)
    assert all(high[1] <= middle[1] <= low[1] for high, middle, low in between)
    assert upper[2][1] < points(line)[2][1] < lower[2][1]
    dots = [one.findtext(f"{NAMESPACE}title") for one in groups[0].iter(f"{NAMESPACE}circle")]
    assert dots == ["measured, 1: 100 GiB", "measured, 3: 102 GiB", "measured, 4: 103 GiB"]


def test_the_threshold_is_drawn_across_and_named_at_the_axis() -> None:
    (major,) = [one for one in drawn(FORECAST).iter(f"{NAMESPACE}text") if one.get("class") == "major"]
    assert major.text == "105 GiB"


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.lists(NUMBERS, max_size=60), NUMBERS)
def test_any_numbers_make_a_line(values: list[float | None], low: list[float | None], line: float) -> None:
    labels = tuple(f"day {number}" for number in range(len(values)))
    series = Series(name="any", values=tuple(values), low=tuple(low), high=tuple(low))
    chart = Chart(
        name="any", kind=ChartKind.LINE, title="any", says="any", labels=labels, series=(series,), line=line
    )
    assert drawn(chart).get("role") == "img"


def test_infinite_and_tiny_numbers_are_drawn_or_not_known() -> None:
    for values in ((float("inf"), float("nan")), (5e-324, 0.0), (1e308, -1e308), (7.0,), (0.0,)):
        chart = PLATFORMS.model_copy(update={"series": (Series(name="any", values=values),), "line": None})
        assert drawn(chart).get("role") == "img"


def test_labels_that_do_not_fit_beside_each_other_are_left_out() -> None:
    labels = tuple(f"2026-11-{1 + day % 30:02d}" for day in range(60))
    series = (Series(name="any", values=tuple(float(day) for day in range(60))),)
    chart = PLATFORMS.model_copy(update={"labels": labels, "series": series})
    shown = [one for one in drawn(chart).iter(f"{NAMESPACE}text") if (one.text or "").startswith("2026")]
    assert 4 <= len(shown) <= 8
    assert len(bars(drawn(chart))) == 60


def test_nothing_known_is_an_empty_chart() -> None:
    empty = PLATFORMS.model_copy(update={"labels": (), "series": (), "line": None})
    assert bars(drawn(empty)) == []


def test_the_page_has_the_numbers_beside_the_picture_and_the_boxes_open() -> None:
    page = report_page(REPORT, "RevenueDeclining-backend-1")
    assert (
        "![Revenue by platform: youtube fell from 106 to 20](RevenueDeclining-backend-1-platforms.svg)"
        in page
    )
    assert "| tiktok | unknown | -12.50 |" in page
    assert "- [ ] Review A/B test results" in page
