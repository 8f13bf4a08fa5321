"""What is read from the evidence of one endpoint that fails."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.endpoints.seen import EndpointKind
    from workflows.diagnosis.deployment_signs import SHORTLY, began_after_one, began_otherwise, deployed_at
    from workflows.diagnosis.how_it_runs import is_away
    from workflows.diagnosis.provider_failures import (
        ProviderFailure,
        only_texts,
        provider_failures,
        speaks_of,
        they_serve,
    )
    from workflows.diagnosis.situation import Situation

NEARLY_ALL = 0.98
"""A larger share of failing requests is no matter of some records."""


class Onset(NamedTuple):
    """Since when it fails, and until when it was seen well before."""

    since: datetime | None
    good_until: datetime | None


def onset(now: Situation) -> Onset:
    """By the metrics of its route; without them, by when Sentry first heard of its most frequent issue."""
    route, issues = now[looks.route], now[looks.endpoint_issues]
    if route.since is not None or not issues.top:
        return Onset(route.since, route.good_until)
    first = issues.top[0].first_seen
    return Onset(first, first)


def out_of_service(now: Situation) -> bool:
    return now[looks.endpoint].kind is EndpointKind.SWITCHED_OFF


def reports_errors(now: Situation) -> bool:
    """What answers on purpose raises no errors."""
    seen_at = now[looks.endpoint].observed_at
    issues = now[looks.endpoint_issues].top
    return seen_at is not None and any(one.last_seen >= seen_at - SHORTLY for one in issues)


def on_purpose_by_nobody(now: Situation) -> bool:
    return reports_errors(now) or (is_away(now) and not answers_something(now))


def answers_something(now: Situation) -> bool:
    """Some of it is answered, by more than a proxy that finds nobody behind it."""
    return any(one.status is not None and one.status < 500 for one in now[looks.endpoint].records)


def only_our_probe(now: Situation) -> bool:
    ours = (EndpointKind.OUR_PROBE, EndpointKind.GONE, EndpointKind.NOT_ASKED)
    return now[looks.endpoint].kind in ours


def users_get_errors(now: Situation) -> bool:
    return now[looks.route].bad


def needs(now: Situation, what: str) -> bool | None:
    """Whether the configuration says that the endpoint needs this; None where it says nothing."""
    by_route = now.service.metrics.latency.needs if now.service.metrics else {}
    said = next((by_route[one] for one in now[looks.endpoint].routes if one in by_route), None)
    return None if said is None else what in said


def database_lost(now: Situation) -> bool:
    return now[looks.dependencies].lost_database is not None


def needs_no_database(now: Situation) -> bool:
    """Its own answer blames something else, or the configuration says that it needs none."""
    endpoint = now[looks.endpoint]
    blames_another = bool(endpoint.names) and not endpoint.names_database
    return blames_another or needs(now, "database") is False


def its_providers(now: Situation) -> tuple[ProviderFailure, ...]:
    """Those that fail, and that the endpoint needs: by its own words, its issues, or the configuration."""
    endpoint = now[looks.endpoint]
    issues = (f"{one.title} {one.culprit}" for one in now[looks.endpoint_issues].top)
    bodies = (one.body for one in endpoint.records if one.failed)
    words = " ".join((endpoint.says, *endpoint.names, *bodies, *issues))
    failing = provider_failures(now, onset(now).since)
    return tuple(one for one in failing if speaks_of(words, one.name) or needs(now, one.name))


def provider_down(now: Situation) -> bool:
    return bool(its_providers(now))


def only_its_words(now: Situation) -> bool:
    """Its log or its health check says it, and nothing that is measured does."""
    return only_texts(its_providers(now))


def its_calls_succeed(now: Situation) -> bool:
    return they_serve(now, its_providers(now))


def bad_deployment(now: Situation) -> bool:
    return began_after_one(now, onset(now))


def not_by_the_deployment(now: Situation) -> bool:
    """It failed before; nobody saw it begin; or the version before had the same issue."""
    deployed, issues = deployed_at(now), now[looks.endpoint_issues]
    old = deployed is not None and bool(issues.top) and issues.top[0].first_seen < deployed - SHORTLY
    return (old and not issues.new) or began_otherwise(now, onset(now))


def its_data(now: Situation) -> bool:
    """Some records fail and others do not, or all of ours answer while users get errors."""
    endpoint = now[looks.endpoint]
    return bool(endpoint.answering) and (bool(endpoint.failing) or users_get_errors(now))


def nearly_all_fail(now: Situation) -> bool:
    ratio = now[looks.route].ratio
    return ratio is not None and ratio >= NEARLY_ALL


def its_code(now: Situation) -> bool:
    return now[looks.endpoint_issues].bad and (now[looks.endpoint].bad or users_get_errors(now))


def issues_are_older(now: Situation) -> bool:
    """What was last seen before it began to fail explains nothing."""
    since = now[looks.route].since
    return since is not None and all(
        one.last_seen < since - SHORTLY for one in now[looks.endpoint_issues].top
    )
