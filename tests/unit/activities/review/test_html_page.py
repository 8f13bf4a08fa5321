"""A review as one HTML file: the same bytes each time, nothing from elsewhere, nobody's markup but ours."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from activities.review.html_page import html_page
from activities.review.page import page
from models.incident.incident import Entry, EntryKind, EvidenceLine, Through
from models.incident.review import Review
from runtime.past.review_part import part_of
from runtime.past.reviews import Found
from tests.parts.product.hostile import SCRIPT
from tests.unit.activities.test_charts import REPORT
from tests.unit.activities.test_review_page import BEGAN, HOSTILE, out_of_memory

WHOLE = out_of_memory().model_copy(update={"report": REPORT})


class Read(HTMLParser):
    """What a browser would see: elements, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def shape(self) -> list[str]:
        return [tag for tag, _ in self.elements]


def hostile(text: str) -> Review:
    """Said by everything that is not ours."""
    lines = (
        Entry(at=BEGAN, text=text, by=text, kind=EntryKind.NOT_TOLD),
        Entry(at=BEGAN, text=text, by=text, through=Through.INTAKE),
        *(one.model_copy(update={"by": text}) for one in out_of_memory().timeline),
    )
    return out_of_memory().model_copy(
        update={
            "summary": text,
            "cause": text,
            "incident": text,
            "runbook": text,
            "evidence": (EvidenceLine(name=text, finding=text, reason=text),),
            "remarks": (text,),
            "timeline": lines,
            "links": {text: text},
            "log_tail": (text,),
        }
    )


def test_the_same_review_gives_the_same_bytes_in_every_process() -> None:
    program = (
        "import hashlib\n"
        "from activities.review.html_page import html_page\n"
        "from tests.unit.activities.review.test_html_page import WHOLE\n"
        "print(hashlib.sha256(html_page(WHOLE).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed, zone in (("1", "UTC"), ("2", "Asia/Ho_Chi_Minh"))
    }
    again = Review.model_validate_json(WHOLE.model_dump_json())
    assert seen == {hashlib.sha256(html_page(again).encode()).hexdigest()}


def test_it_loads_nothing_and_its_policy_allows_its_own_style_alone() -> None:
    text = html_page(WHOLE)
    read = Read(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(read.shape())
    for tag, attributes in read.elements:
        assert not {"src", "style", "srcset", "background"} & attributes.keys(), tag
        assert tag == "a" or "href" not in attributes
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style and "@import" not in style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [one["content"] for tag, one in read.elements if one.get("http-equiv")]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]


def test_each_chart_is_drawn_once_with_the_same_in_words() -> None:
    text = html_page(WHOLE)
    assert Read(text).shape().count("svg") == 3, "the time, the report's, the samples"
    assert text.count("<summary>The same as a table</summary>") == 2
    assert "<td>T+31 s</td><td>waiting for a decision, for 44 s</td>" in text
    ids = [one["id"] for _, one in Read(text).elements if "id" in one]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("text", [*HOSTILE, SCRIPT])
def test_words_from_outside_stay_words(text: str) -> None:
    ours = Read(html_page(hostile("plain"))).shape()
    assert Read(html_page(hostile(text))).shape() == ours
    assert not re.search("[\x00\x1b\u202e]", html_page(hostile(text)))


def test_as_a_part_of_a_page_it_has_the_ticked_boxes_and_leaves_the_samples_out() -> None:
    ticked = page(WHOLE).replace("- [ ] Add test case", "- [x] Add test case")
    part = part_of(Found(ticked, WHOLE.model_dump_json()))
    assert "☑ Add test case" in part
    assert "☐ Consider redundancy" in part
    assert Read(part).shape().count("svg") == 2
    assert "<h4>Where the time went</h4>" in part


def test_a_page_of_an_earlier_version_is_told_where_the_time_went() -> None:
    older = re.sub(r"## Where the time went.*?(?=## What the)", "", page(WHOLE), flags=re.DOTALL)
    part = part_of(Found(older, WHOLE.model_copy(update={"phases": ()}).model_dump_json()))
    headings = re.findall(r"<h4>(.*?)</h4>", part)
    assert headings[:3] == ["Summary", "Where the time went", "What the alert says"]
    assert Read(part).shape().count("svg") == 2


def test_a_page_whose_data_is_cut_off_is_there_all_the_same() -> None:
    part = part_of(Found(page(WHOLE), WHOLE.model_dump_json()[:100]))
    assert "Post-incident review: ServiceDown/backend" in part
    assert "svg" not in Read(part).shape()
