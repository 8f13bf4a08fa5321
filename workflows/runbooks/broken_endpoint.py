"""BrokenEndpoint: one endpoint fails while the rest of the service answers (a playbook).

Verify         its whole answer, record by record, and the error ratio of its route
Evidence       Sentry's issues of that endpoint, the deployments against the onset, what it needs
Causes         the table below, walked in order: what heals another's fault first
Options        a person chooses: roll back (recommended where a deployment fits), answer 503 with a
               maintenance message, disable it
Undo           an endpoint out of service is put back when it is well behind its switch; where nobody
               sees that, when the alert is over; and when a person says done
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.undos as undos
    import workflows.diagnosis.verifications as verifications
    from activities.endpoints.seen import EndpointKind
    from models.actions.plan import Offer, offered
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.names import DATABASE_CONNECTION_FAILURE
    from workflows.diagnosis.causes import Cause, ask_a_human, walk
    from workflows.diagnosis.deployment_signs import SHORTLY, began_after_one, began_otherwise, deployed_at
    from workflows.diagnosis.provider_failures import ProviderFailure, provider_failures, they_serve
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

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
    words = " ".join((endpoint.says, *endpoint.names, *bodies, *issues)).casefold()
    failing = provider_failures(now, onset(now).since)
    return tuple(one for one in failing if one.name.casefold() in words or needs(now, one.name))


def provider_down(now: Situation) -> bool:
    return bool(its_providers(now))


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


def out_of_service_for_now(now: Situation) -> Offer | None:
    """A maintenance message tells its users more than a missing endpoint does."""
    return offered(plans.answer_maintenance(now), plans.disable_endpoint(now))


def roll_back_or_out_of_service(now: Situation) -> Offer | None:
    return offered(plans.roll_back(now), plans.answer_maintenance(now), plans.disable_endpoint(now))


OUT_OF_SERVICE = Cause(
    name="out of service",
    evidence="it answers 503 and says when to come back: somebody took it out of service, or it throttles",
    matches=out_of_service,
    contradicted_by="Sentry hears of its errors at this very time",
    contradicts=reports_errors,
    remedy="ask who took it out of service",
    fix=ask_a_human,
)

ONLY_OUR_PROBE = Cause(
    name="only our probe fails",
    evidence="only we cannot ask it: credentials, method, path, or it is not configured",
    matches=only_our_probe,
    contradicted_by="its metrics show that its users get errors",
    contradicts=users_get_errors,
    remedy="correct how it is asked, and look again",
    fix=ask_a_human,
)

DATABASE_LOST = Cause(
    name="database lost",
    evidence="a database that the service needs does not answer",
    matches=database_lost,
    contradicted_by="its own answer blames something else, or the configuration says that it needs none",
    contradicts=needs_no_database,
    remedy="heal the database first, in its own incident",
    fix=ask_a_human,
    pages="database",
)

CAUSES = (
    OUT_OF_SERVICE,
    ONLY_OUR_PROBE,
    DATABASE_LOST,
    Cause(
        name="external API down",
        evidence="a provider fails that its answer, its issues or the configuration names",
        matches=provider_down,
        contradicted_by="the service's own calls of that provider succeed",
        contradicts=its_calls_succeed,
        remedy="degrade gracefully until the provider is back",
        fix=plans.degrade,
        undo=undos.WHEN_PROVIDERS_ARE_BACK,
    ),
    Cause(
        name="bad deployment",
        evidence="it began to fail shortly after a deployment",
        matches=bad_deployment,
        contradicted_by="it failed before, or nobody saw it begin, or the version before had the same issue",
        contradicts=not_by_the_deployment,
        remedy="let a person choose: roll back, answer 503 with a maintenance message, or disable it",
        fix=roll_back_or_out_of_service,
        undo=undos.of_endpoint,
        asks=True,
        pages="platform",
    ),
    Cause(
        name="its data",
        evidence="some of its records fail and others answer, or all of ours do while its users get errors",
        matches=its_data,
        contradicted_by="nearly all of its requests fail",
        contradicts=nearly_all_fail,
        remedy="correct these records; a person may choose to take it out of service until then",
        fix=out_of_service_for_now,
        undo=undos.of_endpoint,
        asks=True,
    ),
    Cause(
        name="its code",
        evidence="Sentry has errors of this endpoint, and no deployment fits",
        matches=its_code,
        contradicted_by="its issues are older than its failure",
        contradicts=issues_are_older,
        remedy="repair the code by its trace; a person may choose to take it out of service until then",
        fix=out_of_service_for_now,
        undo=undos.of_endpoint,
        asks=True,
    ),
)

LEFT_TO_A_PERSON = (OUT_OF_SERVICE, ONLY_OUR_PROBE)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="find out why it fails; a person may choose to take it out of service until then",
    fix=out_of_service_for_now,
    undo=undos.of_endpoint,
    asks=True,
)


@workflow.defn
class BrokenEndpoint(Runbook):
    """One endpoint fails."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(
            looks.endpoint,
            looks.health,
            looks.process,
            looks.recent_logs,
            looks.dependencies,
            looks.providers,
            looks.provider_calls,
            looks.history,
        )
        await incident.look(looks.route)
        now = await incident.look(looks.endpoint_issues)
        if walk(CAUSES, now).cause in LEFT_TO_A_PERSON:
            cause = incident.diagnose(CAUSES)
            why = f"could not verify the alert: {self.trouble(now)}; no action taken"
            incident.hand_over(f"{why}; {cause.remedy}")
        await incident.confirm(looks.endpoint, looks.route)
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        if cause is DATABASE_LOST:
            await self.heal_the_database(incident)
        else:
            taken = await incident.act(cause)
            if undos.of_endpoint(taken):
                await incident.until_reverted(
                    f"a repaired {incident.now[looks.endpoint].path}: {cause.remedy}"
                )
        await incident.stays(verifications.ENDPOINT_ANSWERS)

    def trouble(self, now: Situation) -> str:
        """What is gone may have been removed by the newest deployment; nobody saw that."""
        endpoint, newest = now[looks.endpoint], looks.deployments(now).current
        if endpoint.kind is not EndpointKind.GONE or newest is None:
            return endpoint.reason
        return f"{endpoint.reason}; {newest.version} runs since {newest.deployed_at:%Y-%m-%d %H:%M} UTC"

    async def heal_the_database(self, incident: Incident) -> None:
        lost = incident.now[looks.dependencies].lost_database
        nearest = next(one.name for one in incident.policy.dependencies if one.is_database)
        await incident.heal_first(lost.service if lost else nearest, DATABASE_CONNECTION_FAILURE)
