"""NoProductsSynced: nothing was synced for an hour (warning, 30 minutes).

Check status   the last sync and the number of products, the schedule that syncs them and its runs
Causes         the table below, walked in order: what a person did on purpose before all else, what must
               be waited for before what can be tried at once. Nothing matches: a person is asked
               whether to sync once
Recovery       unpause the schedule where it is paused, and ask the application to sync: by fewer
               products after a rate limit, by a recreated backend after credentials were renewed
Verify         the last sync moved, and stays of late for the whole window
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.verifications as verifications
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.incident.waits import bounded
    from workflows.products.failures import Trouble, loop, newest_run, sync_failure, sync_goes_on
    from workflows.products.plans import recreate, sync, sync_fewer, unpause_and_sync

LOOKS_AGAIN = timedelta(seconds=30)
MOST_LOOKS = 20
"""At the last sync, while it is waited for: a shorter wait looks more often, a longer one less."""
LIMITED = "the rate limit of where the products come from"
CLOCK_OFF = timedelta(minutes=5)
"""A signed request of a clock that differs by more is refused, however good its credentials are."""


def is_synced(now: Situation) -> bool:
    return now[looks.last_sync].ok


def is_healthy(now: Situation) -> bool:
    return now[looks.health].ok


def limit_left(now: Situation) -> timedelta:
    """How long to wait since it was looked at: a limit that ended meanwhile is not waited for."""
    failure, seen_at = sync_failure(now), now[looks.schedules].observed_at
    whole = bounded(failure.retry_after if failure else None)
    began = (failure.at if failure else None) or loop(now).last_at
    return max(began + whole - seen_at, timedelta()) if began and seen_at else whole


def paused(now: Situation) -> bool:
    return loop(now).paused


def paused_on_purpose(now: Situation) -> bool:
    return loop(now).paused and bool(loop(now).on_purpose)


def synced_since_the_pause(now: Situation) -> bool:
    """Something else syncs them, so that the pause explains nothing."""
    since, synced = loop(now).paused_at, now[looks.last_sync].at
    return since is not None and synced is not None and synced > since + LOOKS_AGAIN


def _has(now: Situation, trouble: Trouble) -> bool:
    failure = sync_failure(now)
    return failure is not None and failure.trouble is trouble


def clock_wrong(now: Situation) -> bool:
    return _has(now, Trouble.CLOCK) or (clock_is_off(now) and _has(now, Trouble.CREDENTIALS))


def rate_limited(now: Situation) -> bool:
    return _has(now, Trouble.RATE_LIMIT)


def credentials_refused(now: Situation) -> bool:
    return _has(now, Trouble.CREDENTIALS)


def clock_is_off(now: Situation) -> bool:
    return abs(now[looks.last_sync].ahead) > CLOCK_OFF


def api_fails(now: Situation) -> bool:
    """What ended the run names the API; without a name it is the loop's own crash."""
    failure, words = sync_failure(now), now.service.api.products_from if now.service.api else ()
    other = failure if failure and failure.trouble in (Trouble.AWAY, Trouble.OTHER) else None
    return other is not None and any(word.casefold() in other.says.casefold() for word in words)


def loop_crashed(now: Situation) -> bool:
    """A run that was terminated did not crash: somebody ended it, and is asked."""
    run = newest_run(now)
    return loop(now).stuck or (run is not None and run.failed)


def synced_by_its_newest_run(now: Situation) -> bool:
    run, synced = newest_run(now), now[looks.last_sync].at
    return run is not None and synced is not None and synced >= run.started_at


def synced_before_it_failed(now: Situation) -> bool:
    """A later part of the loop failed; one that is stuck keeps the next run from beginning all the same."""
    return synced_by_its_newest_run(now) and not loop(now).stuck


def synced_by_another(now: Situation) -> bool:
    run, synced = newest_run(now), now[looks.last_sync].at
    ended_at = run.closed_at if run else None
    return ended_at is not None and synced is not None and synced > ended_at + LOOKS_AGAIN


def no_further_run(now: Situation) -> bool:
    return loop(now).ended or not loop(now).exists


def not_due_yet(now: Situation) -> bool:
    """It has not run since it was made, or its newest run went well, and the next is still to come."""
    schedule, run = loop(now), newest_run(now)
    if schedule.paused or schedule.ended or schedule.next_at is None:
        return False
    first_day = run is None and schedule.started == 0
    return first_day or (run is not None and run.status == "completed" and synced_by_its_newest_run(now))


PAUSED_ON_PURPOSE = Cause(
    name="paused on purpose",
    evidence="the schedule is paused, and its note gives a reason, it was paused lately, or an incident did",
    matches=paused_on_purpose,
    contradicted_by="products were synced after it was paused",
    contradicts=synced_since_the_pause,
    remedy="ask whether to unpause it, and to sync",
    fix=unpause_and_sync,
    asks=True,
)
RATE_LIMIT = Cause(
    name="rate limit",
    evidence="429 or a rate limit in the run of its schedule, its API, Sentry or the log, of where the"
    " products come from",
    matches=rate_limited,
    contradicted_by="they were synced by its newest run",
    contradicts=synced_by_its_newest_run,
    remedy="wait as it says, else an hour, at most two; then sync fewer products",
    fix=sync_fewer,
)
INVALID_CREDENTIALS = Cause(
    name="invalid credentials",
    evidence="401, 403 or a refused key or signature, of where the products come from",
    matches=credentials_refused,
    contradicted_by="the application's clock is wrong, so that every signature is refused",
    contradicts=clock_is_off,
    remedy="page the API contact, and wait until they are renewed; recreate the backend with approval, and"
    " sync",
    fix=sync,
)

CAUSES = (
    PAUSED_ON_PURPOSE,
    Cause(
        name="clock wrong",
        evidence="a signature has expired or is of the future, or is refused while the clocks differ",
        matches=clock_wrong,
        contradicted_by="they were synced by its newest run",
        contradicts=synced_by_its_newest_run,
        remedy="set the clock of the application's host",
        fix=ask_a_human,
    ),
    RATE_LIMIT,
    INVALID_CREDENTIALS,
    Cause(
        name="paused",
        evidence="the schedule is paused, and nothing speaks for a person's intention",
        matches=paused,
        contradicted_by="products were synced after it was paused",
        contradicts=synced_since_the_pause,
        remedy="unpause it, and sync",
        fix=sync,
    ),
    Cause(
        name="API error",
        evidence="another error of where the products come from",
        matches=api_fails,
        contradicted_by="they were synced by its newest run",
        contradicts=synced_by_its_newest_run,
        remedy="sync once more",
        fix=sync,
    ),
    Cause(
        name="loop crashed",
        evidence="the newest run of the schedule failed, timed out or is stuck",
        matches=loop_crashed,
        contradicted_by="it had synced before it failed",
        contradicts=synced_before_it_failed,
        remedy="show its error, and sync",
        fix=sync,
    ),
    Cause(
        name="no further run",
        evidence="the schedule does not exist, or its time or its number of runs is over",
        matches=no_further_run,
        contradicted_by="something else synced products after it last ran",
        contradicts=synced_by_another,
        remedy="make the schedule anew, or name another in the configuration",
        fix=ask_a_human,
    ),
    Cause(
        name="not due yet",
        evidence="the schedule has not run since it was made, or ran well, and its next run is still to come",
        matches=not_due_yet,
        contradicted_by="its newest run failed",
        contradicts=loop_crashed,
        remedy="ask whether to sync now; fit the alert to the times of the schedule",
        fix=sync,
        asks=True,
    ),
)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="sync once, and verify",
    fix=sync,
    asks=True,
)


@workflow.defn
class NoProductsSynced(Runbook):
    """No product was synced for too long."""

    hurts = "visitors, who see old prices and sold-out offers; the business, which earns less by them"

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(
            looks.last_sync,
            looks.product_count,
            looks.schedules,
            looks.recent_logs,
            looks.health,
            looks.process,
            looks.history,
        )
        await incident.have_it_answer(looks.last_sync)
        await incident.confirm(looks.last_sync)
        if not (sync_goes_on(incident.now) and await self.is_synced_within(incident, "a sync is going on")):
            await self.recover(incident)
        await incident.stays(verifications.SYNCED)

    async def recover(self, incident: Incident) -> None:
        await incident.look(looks.schedules, looks.recent_logs, looks.issues)
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        left = limit_left(incident.now) if cause is RATE_LIMIT else timedelta()
        if left and await self.is_synced_within(incident, LIMITED, left):
            return
        if cause is INVALID_CREDENTIALS:
            await self.have_them_renewed(incident)
        if left or cause is INVALID_CREDENTIALS:
            await self.heed_a_pause(incident)
        throttled = await incident.act_unless_throttled(cause)
        if throttled is None and await self.is_synced_within(incident, "the sync takes its time"):
            return
        now = await incident.look(looks.schedules, looks.recent_logs)
        if not left and (throttled is not None or rate_limited(now)):
            await incident.wait(limit_left(now) if throttled is None else bounded(throttled), LIMITED)
            await self.heed_a_pause(incident)
            await incident.carry_out(sync_fewer)
        elif throttled is not None:
            incident.hand_over(f"{LIMITED} still holds, after it was waited for and by fewer products")

    async def heed_a_pause(self, incident: Incident) -> None:
        """Somebody may have stopped it during a wait."""
        if paused_on_purpose(await incident.look(looks.schedules)):
            incident.hand_over(f"nothing is synced: meanwhile {loop(incident.now).says}")

    async def have_them_renewed(self, incident: Incident) -> None:
        failure = sync_failure(incident.now)
        says = f" ({failure.says})" if failure else ""
        await incident.until_person(f"renew the credentials by which products are fetched{says}", "api")
        await incident.look(looks.unread_settings)
        await incident.carry_out(recreate)
        health = incident.service.health
        settle = health.settle if health else LOOKS_AGAIN
        await incident.until(looks.health, is_healthy, settle / MOST_LOOKS, settle, "it starts")

    async def is_synced_within(self, incident: Incident, why: str, at_most: timedelta | None = None) -> bool:
        api = incident.service.api
        within = at_most or (api.sync_takes if api else LOOKS_AGAIN)
        every = max(min(LOOKS_AGAIN, within / 4), within / MOST_LOOKS)
        return (await incident.until(looks.last_sync, is_synced, every, within, why)).well
