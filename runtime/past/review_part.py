"""A review as a part of a page: its Markdown, with the charts drawn in it."""

from __future__ import annotations

from markupsafe import Markup
from pydantic import ValidationError

from activities.review.html_page import as_html, charts_of
from activities.review.page import time_file, time_section
from models.incident.review import Review
from runtime.past.reviews import Found

_BELOW = 2
"""Headings of the page that stand above those of the review."""


def part_of(found: Found) -> Markup:
    """What the file says, with the boxes that somebody ticked. Its samples have a section of their own there.

    One of an earlier version says nowhere where the time went: that is added.
    """
    try:
        review = Review.model_validate_json(found.data)
    except ValidationError:  # its data is cut off: the page is there all the same
        return as_html(found.page, {}, _BELOW)
    page = found.page if time_file(review) in found.page else _with_time(found.page, time_section(review))
    return as_html(page, charts_of(review), _BELOW)


def time_part(review: Review) -> Markup:
    """Where its time went, as a section of a page."""
    return as_html(time_section(review), charts_of(review), 0)


def _with_time(page: str, section: str) -> str:
    """After the summary, as in the reviews of today."""
    head, *rest = page.split("\n## ", 2)
    return "\n## ".join((head, *rest[:1], f"{section.removeprefix('## ')}\n", *rest[1:]))
