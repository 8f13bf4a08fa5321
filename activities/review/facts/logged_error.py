"""The last error in the log of an incident's service, with its time: it may be older than the incident."""

from __future__ import annotations

from datetime import UTC, timedelta

from activities.review.facts.readings import Readings
from activities.review.facts.sentences import Sentences
from activities.support.log_end import last_error
from models.base import in_words
from models.evidence.logged import LoggedError
from models.incident.review import Review

LAST_ERROR = "; the last error"
"""How what a look at the log says goes on, where there is an error since the last start."""
_SINCE_START = "since its last start"
_SHORT = 40
"""Characters by which an error is known again where it is quoted."""
ALERT_LAG = timedelta(minutes=15)
"""An alert begins after what it tells of: its rule waits for a scrape, an evaluation and its own `for`."""


def logged_error(review: Review) -> LoggedError | None:
    """As the look found it; of a review of before, by the end of the log, which has no times."""
    return review.last_error or last_error(review.log_tail)


def before_it(review: Review) -> bool:
    """Whether it was written too long before the alert for that to tell of it."""
    error = logged_error(review)
    return error is not None and error.at is not None and error.at < review.began_at - ALERT_LAG


def points_to_the_cause(review: Review) -> bool:
    """Whether the cause was named by this very error: it is no second thing to look into."""
    error = logged_error(review)
    told = Readings(review).pointed.get("logs", "")
    return error is not None and error.text[:_SHORT] in told


def _of_an_earlier_run(review: Review, error: LoggedError) -> bool:
    """Whether the log was read before anything was done, and had no error since its last start."""
    acted = [one.started_at for one in review.performed if one.done]
    return any(
        one.name == "logs"
        and one.finding == "ok"
        and _SINCE_START in one.reason
        and LAST_ERROR not in one.reason
        and one.at
        and error.at
        and error.at < one.at < min(acted, default=one.at + ALERT_LAG)
        for one in review.evidence
    )


def in_its_log(review: Review, words: Sentences) -> str:
    """`The last error in its log, T+2 s (03:15:02): TypeError`; empty where none is known."""
    error = logged_error(review)
    if error is None:
        return ""
    if error.at is None:
        when = " (its time is not known)"
    elif error.at < review.began_at:
        earlier = in_words(review.began_at - error.at)
        at = f"{error.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        begins = " is from before the incident" if before_it(review) else ""
        begins += ", of a run before its last start" if _of_an_earlier_run(review, error) else ""
        when = f"{begins}, {earlier} before the alert began ({at})"
    else:
        when = f", {words.when(error.at)}"
    return f"The last error in its log{when}: {error.text}"
