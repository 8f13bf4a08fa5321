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

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.undos as undos
    import workflows.diagnosis.verifications as verifications
    import workflows.endpoints.signs as signs
    from activities.endpoints.seen import EndpointKind
    from models.actions.plan import Offer, offered
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.names import DATABASE_CONNECTION_FAILURE, SERVICE_DOWN
    from workflows.diagnosis.causes import Cause, ask_a_human, walk
    from workflows.diagnosis.how_it_runs import is_away
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


def out_of_service_for_now(now: Situation) -> Offer | None:
    """A maintenance message tells its users more than a missing endpoint does; who is well needs neither."""
    if now[looks.route].ok:
        return None
    return offered(plans.answer_maintenance(now), plans.disable_endpoint(now))


def roll_back_or_out_of_service(now: Situation) -> Offer | None:
    return offered(plans.roll_back(now), plans.answer_maintenance(now), plans.disable_endpoint(now))


OUT_OF_SERVICE = Cause(
    name="out of service",
    evidence="it answers 503 and says when to come back: somebody took it out of service, or it throttles",
    matches=signs.out_of_service,
    contradicted_by="Sentry hears of its errors at this very time, or the whole service is down",
    contradicts=signs.on_purpose_by_nobody,
    remedy="ask who took it out of service",
    fix=ask_a_human,
)

ONLY_OUR_PROBE = Cause(
    name="only our probe fails",
    evidence="only we cannot ask it: credentials, method, path, or it is not configured",
    matches=signs.only_our_probe,
    contradicted_by="its metrics show that its users get errors",
    contradicts=signs.users_get_errors,
    remedy="correct how it is asked, and look again",
    fix=ask_a_human,
)

WHOLE_SERVICE_DOWN = Cause(
    name="service down",
    evidence="nobody answers the health check of the whole service, or its process does not run",
    matches=is_away,
    contradicted_by="the endpoint is answered with less than a 5xx",
    contradicts=signs.answers_something,
    remedy="heal the whole service first, in its own incident",
    fix=ask_a_human,
)

DATABASE_LOST = Cause(
    name="database lost",
    evidence="a database that the service needs does not answer",
    matches=signs.database_lost,
    contradicted_by="its own answer blames something else, or the configuration says that it needs none",
    contradicts=signs.needs_no_database,
    remedy="heal the database first, in its own incident",
    fix=ask_a_human,
    pages="database",
)

CAUSES = (
    OUT_OF_SERVICE,
    ONLY_OUR_PROBE,
    WHOLE_SERVICE_DOWN,
    DATABASE_LOST,
    Cause(
        name="external API down",
        evidence="a provider fails that its answer, its issues or the configuration names",
        matches=signs.provider_down,
        contradicted_by="the service's own calls of that provider succeed",
        contradicts=signs.its_calls_succeed,
        remedy="degrade gracefully until the provider is back; with approval where only its log or health"
        " check says so",
        fix=plans.degrade,
        undo=undos.WHEN_PROVIDERS_ARE_BACK,
        asks_if=signs.only_its_words,
    ),
    Cause(
        name="bad deployment",
        evidence="it began to fail shortly after a deployment",
        matches=signs.bad_deployment,
        contradicted_by="it failed before, or nobody saw it begin, or the version before had the same issue",
        contradicts=signs.not_by_the_deployment,
        remedy="let a person choose: roll back, answer 503 with a maintenance message, or disable it",
        fix=roll_back_or_out_of_service,
        undo=undos.of_endpoint,
        asks=True,
        pages="platform",
    ),
    Cause(
        name="its data",
        evidence="some of its records fail and others answer, or all of ours do while its users get errors",
        matches=signs.its_data,
        contradicted_by="nearly all of its requests fail",
        contradicts=signs.nearly_all_fail,
        remedy="correct these records; a person may choose to take it out of service until then",
        fix=out_of_service_for_now,
        undo=undos.of_endpoint,
        asks=True,
    ),
    Cause(
        name="its code",
        evidence="Sentry has errors of this endpoint, and no deployment fits",
        matches=signs.its_code,
        contradicted_by="its issues are older than its failure",
        contradicts=signs.issues_are_older,
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

    hurts = (
        "those who call this endpoint get an error instead of an answer; the rest of the service "
        "serves its users"
    )

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
        if cause is WHOLE_SERVICE_DOWN:
            await incident.heal_first(incident.now.service.name, SERVICE_DOWN)
        elif cause is DATABASE_LOST:
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
