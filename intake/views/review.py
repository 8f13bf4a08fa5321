"""The review of an incident that is over, as a part of its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from markupsafe import Markup
from temporalio.client import Client

from models.configuration.configuration import Configuration
from runtime.errors import NoReview
from runtime.past.review_part import part_of
from runtime.past.reviews import PastReviews


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
        return part_of(found)
