"""What is so of a cause or a fix this time, and its name does not say."""

from __future__ import annotations

import re
from datetime import timedelta

from activities.review.facts.causes import UNMENDED
from activities.review.facts.logged_error import ALERT_LAG
from activities.review.facts.readings import Readings
from models.base import in_words
from models.incident.incident import EntryKind, Performed
from models.incident.review import Review

LOOP = "retry loop"
CRASH_LOOP = "crash loop"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
CRASHED = re.compile(
    rf"it crashed [0-9]+ times within [^,;]+, (?:the newest )?at ({_CLOCK}(?:, {_CLOCK})*) UTC"
)
"""In the words of a plan."""
_NUMBER = r"[0-9]{1,6}(?:\.[0-9])?"
_TIME = rf"(?:{_NUMBER} (?:h|min|s) ?)+"
_OVERDUE = re.compile(rf"\b({_TIME})ago, more than ({_TIME})")
_PART = re.compile(rf"({_NUMBER}) (h|min|s)")
_UNITS = {"h": "hours", "min": "minutes", "s": "seconds"}
_PRODUCTS = re.compile(r"^there (?:are|is) (\d+) product")
_NEXT_RUN = re.compile(r"(\S+) is unpaused, and runs next at ([^;,]+ UTC)")


def this_time(review: Review) -> str:
    """Which of the things that the name of the cause may mean; or what that name leaves open."""
    if review.cause == CRASH_LOOP:
        told = (CRASHED.search(one.plan.why) for one in review.performed)
        return next((one[0] for one in told if one), "")
    left = UNMENDED.get(review.cause)
    if review.cause == LOOP:
        return _which_loop(review)
    if not (left and left.not_seen):
        return ""
    return "; ".join((*filter(None, [Readings(review).known_then(left.seen)]), left.not_seen))


def loop_to_bound(review: Review) -> str:
    """What there is to mend about a loop, without what was ruled out; empty for any other cause."""
    often, stuck, in_log = _loop(review)
    if review.cause != LOOP or often == stuck:
        return ""
    if stuck:
        return "find out why it is tried again and again, and bound that"
    inside = ", and why what is started retries its calls" if in_log else ""
    return f"find out why it is started so often{inside}, and bound that"


def still_open(review: Review) -> str:
    """What a paused schedule had started, where nobody looked at that again."""
    readings = Readings(review)
    was = next((one.reason for one in readings.before if one.name == "open_executions"), "")
    if not was or was.startswith("0 "):
        return ""
    return f"see that what was open at the pause comes to its end: it goes on, and was not read again ({was})"


def whole_sync(review: Review, performed: Performed) -> str:
    """Of how many products, and when its schedule runs next, as far as that was seen."""
    count = _PRODUCTS.match(Readings(review).known_then("product_count"))
    following = _NEXT_RUN.search(performed.found)
    of_all = f", of {count[1]} products, and nothing is proved of the others" if count else ""
    at = f"; {following[1]} runs next at {following[2]}" if following else ""
    return f"{of_all}: see that a whole sync follows{at}"


def older_than_its_alert(review: Review) -> str:
    """Where what was due is known to have been due long before the alert began: its rule is late for that."""
    confirmed = next((one.text for one in review.timeline if one.kind is EntryKind.CONFIRMED), "")
    if not (told := _OVERDUE.search(confirmed)):
        return ""
    overdue = _duration(told[1]) - _duration(told[2])
    if overdue <= review.detected_after + ALERT_LAG:
        return ""
    what = confirmed.removeprefix(EntryKind.CONFIRMED.start)
    return f"; the trouble is older, by {in_words(overdue)} ({what}): why it was told only then is not known"


def _duration(words: str) -> timedelta:
    parts = (timedelta(**{_UNITS[unit]: float(number)}) for number, unit in _PART.findall(words))
    return sum(parts, timedelta())


def _loop(review: Review) -> tuple[bool, bool, bool]:
    """Whether starts, workflows that are tried again, and lines of the log point to it."""
    pointed = Readings(review).pointed
    return "starts" in pointed, "open_executions" in pointed, "retries" in pointed


def _which_loop(review: Review) -> str:
    often, stuck, in_log = _loop(review)
    inside = "; what is started retries its calls as well, by its log" if in_log else ""
    if often and stuck:
        return "both the starts and the retries are too many"
    if often:
        alone = "and no workflow is known to be tried again and again"
        return f"the loop is in the starts, which are too many, {alone}{inside}"
    if stuck:
        return "it is the retries that are too many, and nothing is known to be started too often"
    return "only its log tells of retries" if in_log else ""
