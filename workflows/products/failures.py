"""Why the application could not sync its products, as its schedule, its API, Sentry and its log say.

One text may speak of a rate limit, of credentials, of a clock that is wrong, or of something else. What
is specific is heard before what is not. Of that the newest counts, and what does not say when it happened
only where nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.schedules.seen import ScheduledRun, ScheduleSeen
    from models.base import in_number
    from workflows.diagnosis.situation import Situation


class Trouble(StrEnum):
    CLOCK = "clock"
    RATE_LIMIT = "rate-limit"
    CREDENTIALS = "credentials"
    AWAY = "away"
    """Something that it needs did not answer, or failed itself."""
    OTHER = "other"


_TROUBLES = (
    (
        Trouble.CLOCK,
        r"request ?expired|time ?too ?skewed|clock.?skew|signature (has )?expired|not yet (current|valid)"
        r"|time ?stamp.{0,40}(old|expired|future|skew|range)",
    ),
    (
        Trouble.RATE_LIMIT,
        r"\b429\b|too ?many ?requests|rate.{0,2}limit|throttl|quota.{0,20}exceeded|exceeded.{0,20}quota",
    ),
    (
        Trouble.CREDENTIALS,
        r"invalid ?signature|signature ?does ?not ?match|signature we calculated|incomplete ?signature"
        r"|unrecogni[sz]ed ?client|missing ?authentication"
        r"|access ?denied|invalid ?associate|associate ?not ?eligible|invalid ?partner ?tag|\b40[13]\b"
        r"|unauthori[sz]ed|forbidden|authentication (has )?failed"
        r"|(invalid|incorrect|missing|expired|revoked).{0,30}(key|token|credential|secret)"
        r"|(key|token|credential|secret)s?.{0,30}(invalid|incorrect|missing|expired|revoked|not valid)",
    ),
    (
        Trouble.AWAY,
        r"time[d ]?[- ]?out|ECONN|ENOTFOUND|EAI_AGAIN|socket hang up|unavailable"
        r"|connection (was )?(refused|reset)|internal server error|bad gateway|\b5\d\d\b",
    ),
)
_FAILS = re.compile(
    r"error|fail|refus|reject|time[d ]?[- ]?out|ECONN|unavailable|\b5\d\d\b|denied|exception", re.IGNORECASE
)
_A_STATUS = re.compile(r"\b(?:429|40[13])\b")
_BEFORE_A_STATUS = re.compile(
    r"(?:status|code|http\S{0,6}|answer\w*|error|response|returned|with|got)\W{0,4}$", re.IGNORECASE
)
_AFTER_A_STATUS = re.compile(
    r"\W{0,4}(?:too many|unauthori|forbidden|error|rate|client|throttl|retry|$)", re.IGNORECASE
)
_IS_WELL = re.compile(
    r"\b(?:left|remain\w*|available|limiter|refreshed|renewed|rotated|restored|recovered|configured|enabled"
    r"|initiali[sz]ed)\b",
    re.IGNORECASE,
)
_IS_NOT_WELL = re.compile(r"exceed|reached|\bhit\b|too ?many|throttled|\b0\b|not ", re.IGNORECASE)
_RETRY_AFTER = re.compile(
    r"retry.{0,2}(?:after|in)\W{0,4}(\d{1,6})\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?)?\b", re.IGNORECASE
)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


class SyncFailure(NamedTuple):
    """One word for why; `at` where it says when, `retry_after` where it says until when."""

    trouble: Trouble
    says: str
    at: datetime | None = None
    retry_after: timedelta | None = None


def sync_failure(now: Situation) -> SyncFailure | None:
    """The newest of the most telling; None when nothing says why."""
    every = [one for one in _failures(now) if not _synced_since(now, one)]
    specific = [one for one in every if one.trouble is not Trouble.OTHER]
    dated = [(one.at, one) for one in specific if one.at]
    if dated:
        return max(dated, key=lambda one: one[0])[1]
    return next(iter(specific or every), None)


def loop(now: Situation) -> ScheduleSeen:
    """The schedule that syncs the products; one of which nothing is known where it was not seen."""
    return now[looks.schedules].first or ScheduleSeen(name="")


def newest_run(now: Situation) -> ScheduledRun | None:
    return loop(now).newest


def sync_goes_on(now: Situation) -> bool:
    """The application says so, products are being added, or its schedule's run is still at work."""
    run = newest_run(now)
    at_work = run is not None and run.running and run.attempts <= 1 and not loop(now).stuck
    return now[looks.last_sync].running or now[looks.product_count].grew > 0 or at_work


def _failures(now: Situation) -> Iterator[SyncFailure]:
    run = newest_run(now)
    if run is not None and run.error and run.status != "terminated":
        at = run.closed_at or now[looks.schedules].observed_at
        yield _read(run.error, at, of=f"{run.workflow_id}: ")
    if error := now[looks.last_sync].error:
        yield _read(error, now[looks.last_sync].error_at, of="the application says: ")
    for issue in dict.fromkeys((*now[looks.issues].top, *now[looks.issues].new)):
        if _names_the_source(now, f"{issue.title} {issue.culprit}"):
            counted = f"Sentry counts {in_number(issue.count, 'time')}: "
            yield _read(issue.title, issue.last_seen, of=counted)
    lines = (one for one in reversed(now[looks.recent_logs].fresh_tail) if _names_the_source(now, one))
    line = next(lines, "")
    told = _only_statuses(line)
    if line and _tells_of_trouble(told):
        yield _read(told, of="its log: ")._replace(says=f"its log: {line}")


def _read(text: str, at: datetime | None = None, *, of: str) -> SyncFailure:
    return SyncFailure(_trouble_in(text), f"{of}{text}", at, _retry_after_in(text))


def _only_statuses(line: str) -> str:
    """Without the numbers that are no status: 429 products are no rate limit."""

    def kept(found: re.Match[str]) -> str:
        before, after = line[: found.start()][-24:], line[found.end() :][:24]
        return found[0] if _BEFORE_A_STATUS.search(before) or _AFTER_A_STATUS.match(after) else "#"

    return _A_STATUS.sub(kept, line)


def _tells_of_trouble(line: str) -> bool:
    """How much of a limit is left, or that a token was refreshed, is no trouble."""
    if _FAILS.search(line):
        return True
    well = _IS_WELL.search(line) and not (_A_STATUS.search(line) or _IS_NOT_WELL.search(line))
    return not well and _trouble_in(line) is not Trouble.OTHER


def _trouble_in(text: str) -> Trouble:
    found = (trouble for trouble, pattern in _TROUBLES if re.search(pattern, text, re.IGNORECASE))
    return next(found, Trouble.OTHER)


def _retry_after_in(text: str) -> timedelta | None:
    found = _RETRY_AFTER.search(text)
    if found is None:
        return None
    unit = (found[2] or "s").lower()
    return timedelta(seconds=int(found[1]) * _SECONDS["ms" if unit == "ms" else unit[0]])


def _names_the_source(now: Situation, text: str) -> bool:
    """Whether it speaks of where the products come from: another provider's 429 is not theirs."""
    words = now.service.api.products_from if now.service.api else ()
    return any(re.search(rf"(?<![a-z]){re.escape(word)}", text, re.IGNORECASE) for word in words)


def _synced_since(now: Situation, failure: SyncFailure) -> bool:
    """It was synced after that, or the newest run went well: an older line in the log explains nothing."""
    synced = now[looks.last_sync].at
    if synced is None:
        return False
    if failure.at is not None:
        return synced > failure.at
    run = newest_run(now)
    return run is not None and run.status == "completed" and synced >= run.started_at
