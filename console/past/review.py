"""`review`: the post-incident review, also of an incident long ago."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.markdown import Markdown

from console.output import AsJson, Id, Run, as_document, err, out, run
from models.text import visible
from runtime.connection import connect
from runtime.incidents import parse_id
from runtime.past.reviews import PastReviews
from runtime.settings import ConfigurationError, load, path_of

app = typer.Typer()


@app.command()
def review(incident: Id, run_: Run = "", json: AsJson = False) -> None:
    """Print the review of an incident: from its file, or from what Temporal still has."""

    async def work() -> None:
        name = parse_id(incident)
        found = await PastReviews(await connect(), _directory()).of(name, run_)
        if json:
            as_document(found.data)
            return
        page = visible(found.page, kept="\n")
        out.print(Markdown(page) if out.is_terminal else page, soft_wrap=not out.is_terminal, markup=False)

    run(work())


def _directory() -> Path | None:
    """Where reviews are kept on this machine; a review that Temporal has needs no configuration."""
    try:
        return Path(load(path_of()).directories.reviews)
    except ConfigurationError as error:
        err.print(f"without the files of the reviews: {error.lines[0]}", style="yellow", markup=False)
        return None
