"""What a service's process, its health check and its age say together: crashed, starting, hung."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.health.health_seen import HealthKind
    from activities.managers.process_seen import Ended, OwnCheck
    from activities.service.ports import PROXIES
    from models.base import in_words
    from models.service.service import HealthCheck
    from workflows.diagnosis.situation import Situation

USUAL_SETTLE: timedelta = HealthCheck.model_fields["settle"].default
IN_BETWEEN = timedelta(seconds=10)
"""What was stopped or removed less than this ago may be in the middle of a restart or a deployment."""
ONE_CRASH = timedelta(seconds=2)
"""Two systems tell the time of one crash a little differently."""
MOST_TOLD = 10
"""Crashes that are told with their times."""
LAST_WORDS = 3
"""Lines at the end of its log that tell what it is doing."""
_MIGRATES = re.compile(r"\bmigrat(?:e|es|ing|ions?)\b", re.IGNORECASE)
NO_ANSWER = (HealthKind.REFUSED, HealthKind.RESET, HealthKind.TIMED_OUT)


def settle(now: Situation) -> timedelta:
    """How long the service may take to answer after a start."""
    check = now.service.health
    return check.settle if check else USUAL_SETTLE


def is_young(now: Situation) -> bool:
    """It runs, and for no longer than a start may take."""
    age = now[looks.process].age
    return age is not None and age < settle(now)


def is_starting(now: Situation) -> bool:
    """It is on its way up, or about to be: worth another look, and nothing else yet."""
    process = now[looks.process]
    ago = process.ended_ago
    in_between = ago is not None and ago < IN_BETWEEN and not process.crashed
    says_so = process.running and HealthKind.STARTING is now[looks.health].kind
    own_check = process.own_check is OwnCheck.STARTING
    return process.restarting or process.stopping or in_between or own_check or says_so or is_young(now)


def until_it_has_started(now: Situation) -> timedelta:
    """How long to wait before it is looked at again."""
    age = now[looks.process].age
    return max(settle(now) - age, timedelta(seconds=1)) if age is not None and is_young(now) else IN_BETWEEN


def longest_start(now: Situation) -> timedelta:
    """After so much waiting it is judged as it is then."""
    return max(3 * settle(now), now[looks.process].may_start_for or timedelta())


def is_well(now: Situation) -> bool:
    """It answers as it should; where no check is configured, its own HEALTHCHECK says so."""
    health, process = now[looks.health], now[looks.process]
    if now.service.health is None:
        return process.running and process.own_check is OwnCheck.HEALTHY
    return health.ok and not process.down


def is_unwell(now: Situation) -> bool:
    """Its check says so, or its process does. What cannot be seen is neither well nor unwell."""
    return now[looks.health].bad or now[looks.process].bad


def does_not_answer(now: Situation) -> bool:
    """Nobody answers, whatever one might say: an answer of any kind is not this."""
    if now.service.health is None:
        return now[looks.process].own_check is OwnCheck.TIMED_OUT
    health = now[looks.health]
    refuses = health.status is not None and health.kind is not HealthKind.TIMED_OUT
    return health.bad and health.kind in NO_ANSWER and not refuses


def is_away(now: Situation) -> bool:
    """Nobody who asks it can get an answer: its process does not run, or it does not answer."""
    return now[looks.process].down or does_not_answer(now)


def listens_elsewhere(now: Situation) -> bool:
    """Its process listens on its port itself, and yet the check is refused: the check asks elsewhere."""
    owner = now[looks.port_owner].owner
    itself = owner is not None and owner.ours and owner.name not in PROXIES
    return itself and now[looks.health].kind is HealthKind.REFUSED


def somebody_else_to_blame(now: Situation) -> bool:
    """What it needs is away, its machine is short, or somebody else is on its port."""
    dependencies = now[looks.dependencies].broken
    return bool(dependencies) or now[looks.host].bad or now[looks.port_owner].taken


def crashes(now: Situation) -> tuple[datetime, ...]:
    """The crashes within the window before the newest, each once, oldest first.

    Those that its manager mended by itself never came to the steward; its manager tells them.
    """
    process = now[looks.process]
    last = (process.crashed_at,) if process.crashed_at else ()
    told = sorted((*now[looks.history].crashes, *_mended(now), *last))
    each = [*told[:1], *(later for earlier, later in pairwise(told) if later - earlier > ONE_CRASH)]
    return tuple(at for at in each if each[-1] - at < now.policy.thresholds.crash_window)


def crashes_in_words(now: Situation) -> str:
    """`it crashed 3 times within 1 h, at 03:01:20, …`; empty where it did not crash more than once."""
    seen = crashes(now)
    if len(seen) < 2:
        return ""
    times = ", ".join(f"{at.astimezone(UTC):%H:%M:%S}" for at in seen[-MOST_TOLD:])
    newest = "at" if len(seen) <= MOST_TOLD else "the newest at"
    within = in_words(now.policy.thresholds.crash_window)
    return f"it crashed {len(seen)} times within {within}, {newest} {times} UTC"


def _mended(now: Situation) -> tuple[datetime, ...]:
    """Deaths after which its manager started it: as many as it counts, before this life began."""
    process, began = now[looks.process], now[looks.process].started_at
    before = [at for at in process.deaths if began and at <= began]
    return tuple(before[-process.restarts :]) if process.restarts > 0 else ()


def brought_back(now: Situation) -> bool:
    """It has just been started again by its manager, after a crash."""
    return is_young(now) and bool(now[looks.process].deaths) and started_by_its_manager(now)


def started_by_its_manager(now: Situation) -> bool:
    """It began its life after a crash, and not by a plan of an incident."""
    process, began = now[looks.process], now[looks.process].started_at
    performed = now[looks.history].performed
    ours = began and any(one.started_at - ONE_CRASH < began < one.finished_at for one in performed)
    return process.restarts > 0 and not ours


def between_crashes(now: Situation) -> bool:
    """It has had its time to start, and its manager brought it back from one crash after another within the
    window: as long as this life is hardly longer than the last one, the next crash is to be expected.

    What somebody else started is not expected to crash like that.
    """
    process, started = now[looks.process], now[looks.process].started_at
    if started is None or process.age is None or is_young(now) or not started_by_its_manager(now):
        return False
    window = now.policy.thresholds.crash_window
    ends = [at for at in process.deaths if started - window < at <= started]
    return len(ends) >= 2 and process.age < 2 * (ends[-1] - ends[-2])


def loops(now: Situation) -> bool:
    """The last of too many crashes within the window has just been, or it stands still since.

    Caught while it runs, it loops all the same when its lives were as long as this one.
    """
    process, thresholds = now[looks.process], now.policy.thresholds
    if not (process.crashed or brought_back(now) or between_crashes(now)):
        return False
    lately = process.crashed and process.ran_shorter_than(thresholds.crash_window)
    restarted = process.restarts if lately else 0
    return max(len(crashes(now)), restarted) >= thresholds.crash_limit


def ended_by_somebody(now: Situation) -> bool:
    """Whatever else may have happened to it before."""
    return now[looks.process].stopped or now[looks.process].ended is Ended.KILLED


def not_for_its_own_memory(now: Situation) -> bool:
    """Somebody ended it; or the kernel did, on a machine that is short of memory itself."""
    return ended_by_somebody(now) or now[looks.host].short_of_memory


def migrates(now: Situation) -> bool:
    """It does not listen yet, and its last words are of a migration, which a restart would break off."""
    written = [line for line in now[looks.recent_logs].fresh_tail if line.strip()]
    refuses = now[looks.health].kind is HealthKind.REFUSED
    return refuses and any(_MIGRATES.search(line) for line in written[-LAST_WORDS:])


def own_check_passes(now: Situation) -> bool:
    """Its own HEALTHCHECK has had an answer since the alert began: it is the way to it that is broken."""
    passed_at = now[looks.process].own_check_passed_at
    return passed_at is not None and now.since is not None and passed_at > now.since


def another_answers(now: Situation) -> bool:
    """What was answered is not its own word."""
    return now[looks.process].down or now[looks.port_owner].taken


def something_else_is_broken(now: Situation) -> bool:
    """Something that it depends on does not answer."""
    return bool(now[looks.dependencies].broken)


def hung(now: Situation) -> bool:
    """It has had its time to start, and answers nothing. Without a known age nobody can say so."""
    settled = now[looks.process].age is not None and not is_starting(now)
    return settled and does_not_answer(now)


def not_hung(now: Situation) -> bool:
    """There is another reason for the silence."""
    at_work = own_check_passes(now) or migrates(now)
    return at_work or somebody_else_to_blame(now) or listens_elsewhere(now) or between_crashes(now)


def stopped(now: Situation) -> bool:
    return now[looks.process].stopped


def database_lost(now: Situation) -> bool:
    return now[looks.dependencies].lost_database is not None


def database_blamed(now: Situation) -> bool:
    depends = any(one.is_database for one in now.policy.dependencies)
    return depends and now[looks.process].running and now[looks.health].blames_database


def port_conflict(now: Situation) -> bool:
    said = now[looks.process].crashed and now[looks.recent_logs].has("port-in-use")
    return now[looks.port_owner].taken or said


def crash(now: Situation) -> bool:
    return now[looks.process].crashed


def throttled(now: Situation) -> bool:
    return now[looks.health].kind is HealthKind.THROTTLED


def does_not_fit(now: Situation) -> bool:
    return now[looks.health].does_not_fit


def database_recovers(now: Situation) -> bool:
    """The database that it has lost comes back by itself, as far as it says."""
    lost = now[looks.dependencies].lost_database
    return lost is not None and lost.recovering


def starts_no_more(now: Situation) -> bool:
    """It is healthy, crashed too often for a start, or its database is lost."""
    return is_well(now) or loops(now) or database_lost(now)
