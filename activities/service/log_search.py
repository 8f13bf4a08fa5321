"""The newest lines of a service's log: all of them, those that tell of errors, or those with some words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from temporalio import activity

from activities.managers import ManagerError, Managers
from activities.support.redaction import clean_lines
from models.checks.item import ItemResult, ItemState
from models.checks.status import SearchLog
from models.text import shorten

SEARCHED = 5000
"""Lines, the newest of the log."""
SHOWN_OF_A_LINE = 300
"""Characters."""

_ERROR = re.compile(r"error|exception|fatal|panic|traceback", re.I)
_NO_ERROR = re.compile(
    r"\b(?:no|0|zero|without)\s+(?:\w+\s+)?(?:errors?|exceptions?)"
    r"|\b\w{0,30}(?:errors?|exceptions?)\w{0,30}[\"']?\s{0,3}[:=]\s{0,3}(?:0\b|null|none|nil|false|\[\]|\{\}|\"\"|'')",
    re.I,
)
"""Says that there was none."""


class LogSearchActivities:
    """Reads logs through the manager of the service. Lines are cleaned, redacted and bounded."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def show_log(self, request: SearchLog) -> ItemResult:
        """The newest lines; with words, those in which any of them stands, in either case."""
        wanted = tuple(word.casefold() for word in request.words)
        if not wanted:
            return self._searched(request, bool, "lines")
        named = " or ".join(request.words)
        return self._searched(
            request, lambda line: any(one in line.casefold() for one in wanted), f"lines with {named}"
        )

    @activity.defn
    def show_errors(self, request: SearchLog) -> ItemResult:
        """The newest lines that tell of errors; `attention` when there are any since the last start."""
        return self._searched(request, tells_of_an_error, "lines that tell of errors", worries=True)

    def _searched(
        self, request: SearchLog, wanted: Callable[[str], bool], what: str, *, worries: bool = False
    ) -> ItemResult:
        now = datetime.now(UTC)
        try:
            log = self._managers.of(request.service).logs(SEARCHED)
        except ManagerError as error:
            return ItemResult(reason=str(error), observed_at=now)
        lines = clean_lines(log.lines)
        found = [index for index, line in enumerate(lines) if line and wanted(line)]
        fresh = sum(index >= len(lines) - log.fresh for index in found)
        return ItemResult(
            state=ItemState.ATTENTION if worries and fresh else ItemState.OK,
            reason=_reason(len(found), fresh, len(lines), what),
            observed_at=now,
            details=_shown([lines[index] for index in found], request.most),
        )


def tells_of_an_error(line: str) -> bool:
    """Whether a line tells of an error; `errors: 0` does not."""
    return bool(_ERROR.search(_NO_ERROR.sub("", line)))


def _shown(lines: Sequence[str], most: int) -> tuple[str, ...]:
    return tuple(shorten(line, SHOWN_OF_A_LINE) for line in lines[-most:])


def _reason(found: int, fresh: int, of: int, what: str) -> str:
    if not of:
        return "the log is empty"
    if not found:
        return f"no {what} among the last {of} of the log"
    since = f", {fresh} of them since its last start" if fresh != found else ""
    return f"{what}: {found} among the last {of} of the log{since}"
