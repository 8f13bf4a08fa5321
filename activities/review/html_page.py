"""A review as HTML: its Markdown with the charts drawn in it, as a part of a page or as one file.

The file loads nothing: its policy allows one style, by its hash. Of the Markdown only its own markup
counts: HTML in it stays text, and a picture is drawn by us or left out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from jinja2 import FileSystemLoader
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from activities.review.charts import STYLE, inline
from activities.review.file_name import file_name
from activities.review.page import page, time_file
from activities.review.phases import WhereTimeWent
from activities.review.probes import chart_of, rows_of
from activities.review.report_page import chart_file
from activities.review.time_chart import TITLE, drawn, in_order
from models.base import in_words
from models.evidence.evidence import Probes
from models.html import templates
from models.incident.review import Review

_TEMPLATES = templates(FileSystemLoader(Path(__file__).with_name("templates")), kept="\n")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_MARKDOWN.add_render_rule("image", lambda *_: "")
_BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}


def html_page(review: Review) -> str:
    """The whole review as one file; the same review gives the same bytes."""
    samples = {_samples_file(review): _samples(review.probes)} if review.probes.points else {}
    content = as_html(page(review), {**charts_of(review), **samples}, below=0)
    title = f"{review.incident}: {review.outcome.value}, {review.began_at:%Y-%m-%d}"
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _TEMPLATES.get_template("review.html").render(
        title=title, style=style, hash=digest, content=content
    )


def charts_of(review: Review) -> dict[str, Markup]:
    """Its charts as parts of a page, by the names of their files; without the samples of its verification."""
    went = WhereTimeWent(review)
    charts = {time_file(review): _time(review, went)} if went.whole else {}
    for number, one in enumerate(review.report.charts if review.report else (), 1):
        charts[chart_file(file_name(review), one)] = _figure(one.title, inline(one, f"report-{number}"))
    return charts


def as_html(markdown: str, charts: Mapping[str, Markup], below: int) -> Markup:
    """A page's own markup alone, its headings so many levels below those of the page around it."""
    tokens = list(_drawn_in(_MARKDOWN.parse(markdown), charts))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + below)}"
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 — escaped by markdown-it


def _drawn_in(tokens: Sequence[Token], charts: Mapping[str, Markup]) -> Iterator[Token]:
    """Each chart in place of the paragraph that has nothing but its picture, and wide tables to scroll."""
    tables = 0
    for place, token in enumerate(tokens):
        around = [_chart(one, charts) for one in tokens[max(0, place - 1) : place + 2]]
        if token.type == "inline" and around[1]:
            yield Token("html_block", "", 0, content=around[1])
        elif token.type in ("paragraph_open", "paragraph_close") and any(around):
            continue
        elif token.type == "table_open":
            tables += 1
            yield Token("html_block", "", 0, content=_scrolled(f"Table {tables}"))
            yield token
        elif token.type == "table_close":
            yield token
            yield Token("html_block", "", 0, content="</div>\n")
        else:
            _tick(token)
            _corner(tokens, place)
            yield token


def _chart(token: Token, charts: Mapping[str, Markup]) -> str:
    """The chart that a line is the picture of; empty for any other."""
    parts = token.children or []
    if token.type != "inline" or len(parts) != 1 or parts[0].type != "image":
        return ""
    return str(charts.get(str(parts[0].attrs["src"]), ""))


def _corner(tokens: Sequence[Token], place: int) -> None:
    """An empty corner of a table heads nothing."""
    token = tokens[place]
    if token.type in ("th_open", "th_close") and not (tokens[place - 1].content or tokens[place + 1].content):
        token.tag = "td"


def _tick(token: Token) -> None:
    """A box to tick, as readers of Markdown draw it."""
    first = token.children[0] if token.children else None
    if first and first.type == "text" and first.content[:4] in _BOXES:
        first.content = _BOXES[first.content[:4]] + first.content[4:]


def _time(review: Review, went: WhereTimeWent) -> Markup:
    svg = ElementTree.tostring(drawn(review, went, "time"), encoding="unicode")
    said = ((f"T+{in_words(at)}", says) for at, says in in_order(review, went))
    return _figure(TITLE, svg, _table(("After the alert", "What"), said))


def _samples(probes: Probes) -> Markup:
    rows = ((row.when, row.says, row.value) for row in rows_of(probes))
    return _figure("Samples", inline(chart_of(probes), "samples"), _table(("UTC", "Seen", "Value"), rows))


def _samples_file(review: Review) -> str:
    return chart_file(file_name(review), chart_of(review.probes))


def _figure(name: str, svg: str, table: Markup = Markup()) -> Markup:  # noqa: B008 — it is empty, and never changes
    """A chart that a phone scrolls, and below it the same for who cannot see it."""
    chart = Markup(f"{_scrolled(f'Chart: {name}')}{svg}</div>")  # noqa: S704 — escaped by both who made it
    same = Markup("<details><summary>The same as a table</summary>{}</details>").format(table)
    return Markup("<figure>{}{}</figure>\n").format(chart, same if table else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    cells = Markup("").join(Markup('<th scope="col">{}</th>').format(one) for one in head)
    lines = Markup("\n").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(one) for one in row))
        for row in rows
    )
    return Markup("<table><thead><tr>{}</tr></thead>\n<tbody>{}</tbody></table>").format(cells, lines)


def _scrolled(name: str) -> Markup:
    return Markup('<div class="wide" role="region" aria-label="{}" tabindex="0">').format(name)


@cache
def _style() -> Markup:
    """As it stands in the page, to the letter: the policy knows it by its hash."""
    text = _TEMPLATES.get_template("review.css").render()
    return Markup(f"{text}\n{STYLE}")  # noqa: S704 — constants of ours
