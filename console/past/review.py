"""`review`: the post-incident review, also of an incident long ago."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markdown import Markdown

from activities.review.html_page import html_page
from activities.review.page import page
from console.output import AsJson, Id, Run, as_document, as_page, err, out, run
from console.shell.examples import examples
from models.incident.review import Review
from models.text import visible
from runtime.connection import connect
from runtime.errors import NoReview, NoSuchIncident
from runtime.incidents import parse_id
from runtime.past.reviews import Found, PastReviews
from runtime.settings import ConfigurationError, load, path_of
from runtime.store.database import StoreAway
from runtime.store.forgotten import forgotten_review
from runtime.store.opening import database_of

app = typer.Typer()


Html = Annotated[bool, typer.Option("--html", help="One HTML file, with its charts, that loads nothing.")]


@app.command(epilog=examples("review ServiceDown/backend", "review ServiceDown/backend --run 2 --html"))
def review(incident: Id, run_: Run = "", json: AsJson = False, html: Html = False) -> None:
    """Print the review of an incident: from its file, or from what Temporal still has."""

    async def work() -> None:
        name = parse_id(incident)
        try:
            found = await PastReviews(await connect(), _directory()).of(name, run_)
        except (NoReview, NoSuchIncident) as error:
            found = await _stored(name, run_, error)
        if json:
            as_document(found.data)
            return
        if html:
            as_page(html_page(_read(found, name)))
            return
        text = visible(found.page, kept="\n")
        out.print(Markdown(text) if out.is_terminal else text, soft_wrap=not out.is_terminal, markup=False)

    run(work())


def _read(found: Found, incident: str) -> Review:
    """Raises NoReview where its data is cut off."""
    try:
        return Review.model_validate_json(found.data)
    except ValidationError:
        raise NoReview(
            f"the JSON of the review of {incident} cannot be read; without --html it is printed"
        ) from None


async def _stored(incident: str, which: str, error: NoReview | NoSuchIncident) -> Found:
    """What the store still has. Raises this error where that is nothing."""
    try:
        review = await forgotten_review(database_of(load(path_of())), incident, which)
    except (ConfigurationError, NoReview, NoSuchIncident, StoreAway):
        raise error from None
    return Found(page(review), review.model_dump_json(indent=2))


def _directory() -> Path | None:
    """Where reviews are kept on this machine; a review that Temporal has needs no configuration."""
    try:
        return Path(load(path_of()).directories.reviews)
    except ConfigurationError as error:
        err.print(f"without the files of the reviews: {error.lines[0]}", style="yellow", markup=False)
        return None
