"""The lines of a service's log that tell of retries, and the provider that each names."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlsplit

from temporalio import activity

from activities.managers import ManagerError, Managers
from activities.service.matching import searched
from activities.support.redaction import clean_lines, excerpt
from models.base import Model
from models.evidence.evidence import Evidence, Finding
from models.service.costs import Costs
from models.service.service import Service

LINES = 1000
"""How many of the last lines are read; only those of the latest run count."""


class RetriesOf(Model):
    """The lines that name one provider."""

    api: str
    lines: int
    newest: str
    """Cleaned and redacted."""


class RetriesSeen(Evidence):
    """`bad` when many lines tell of retries at one provider, which are in `of`, the most first."""

    read: int = 0
    total: int = 0
    of: tuple[RetriesOf, ...] = ()

    def many_of(self, api: str, costs: Costs) -> RetriesOf | None:
        """Its retries, if they are many."""
        return next((one for one in self.of if one.api == api and one.lines >= costs.retried), None)


class RetryLineActivities:
    """Reads logs through the manager of the service."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def look_at_retries(self, service: Service) -> RetriesSeen:
        """The retries in the last lines. Never raises for the trouble of the manager."""
        costs, now = service.costs, datetime.now(UTC)
        if costs is None:
            return RetriesSeen(reason=f"no costs are configured for {service.name}", observed_at=now)
        try:
            log = self._managers.of(service).logs(LINES)
        except ManagerError as error:
            return RetriesSeen(reason=str(error), observed_at=now)
        lines = clean_lines(log.lines)[len(log.lines) - log.fresh :]
        told = searched({"retry_lines": costs.retry_lines}, lines)
        if told.too_slow:
            cure = "write it without repetitions of repetitions"
            reason = f"costs.retry_lines of {service.name} takes too long on these lines: {cure}"
            return RetriesSeen(reason=reason, observed_at=now)
        if told.not_searched:
            return RetriesSeen(reason=f"the log was not searched: {told.not_searched}", observed_at=now)
        retries = [(lines[one.line], one) for one in told.places.get("retry_lines", ())]
        counts: Counter[str] = Counter()
        newest: dict[str, str] = {}
        for line, place in retries:
            for api, pattern in _names(service, costs).items():
                if pattern.search(line):
                    counts[api] += 1
                    newest[api] = excerpt(line, place.begin, place.end)
        of = tuple(RetriesOf(api=api, lines=n, newest=newest[api]) for api, n in counts.most_common())
        many = [one for one in of if one.lines >= costs.retried]
        named = ", ".join(f"{one.api} ({one.lines})" for one in of[:4])
        return RetriesSeen(
            finding=Finding.BAD if many else Finding.OK,
            reason=f"{len(retries)} of the last {len(lines)} lines tell of retries{f': {named}' * bool(of)}",
            observed_at=now,
            read=len(lines),
            total=len(retries),
            of=of,
        )


def _names(service: Service, costs: Costs) -> dict[str, re.Pattern[str]]:
    """By what a line names each provider: its name, its other names, or its host."""
    names: dict[str, list[str]] = {name: [name, *api.names] for name, api in costs.apis.items()}
    for name, provider in service.providers.items():
        names.setdefault(name, [name]).append(urlsplit(provider.url).hostname or name)
    return {
        api: re.compile(
            "|".join(rf"(?<![a-z0-9]){re.escape(one)}(?![a-z0-9])" for one in known), re.IGNORECASE
        )
        for api, known in names.items()
    }
