"""The review of an incident that is over, as a part of its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup
from temporalio.client import Client

from models.configuration.configuration import Configuration
from runtime.errors import NoReview
from runtime.past.reviews import PastReviews

_BELOW = 2
"""Headings of the page that stand above those of the review."""
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_MARKDOWN.add_render_rule("image", lambda *_: "")


class Reviews:
    """From the files of this machine, else from what Temporal still has."""

    def __init__(self, client: Client, configuration: Callable[[], Configuration]) -> None:
        self._client = client
        self._configuration = configuration

    async def of(self, incident: str, run_id: str) -> Markup:
        """Empty where there is none. Raises TemporalAway and NoSuchIncident."""
        directory = Path(self._configuration().directories.reviews)
        try:
            found = await PastReviews(self._client, directory).of(incident, run_id)
        except NoReview:
            return Markup()
        return as_html(found.page)


def as_html(markdown: str) -> Markup:
    """Its own markup alone: HTML in it stays text, and pictures are left out."""
    tokens = _MARKDOWN.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + _BELOW)}"
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 — escaped by markdown-it
