"""Whether anybody is paged while a verification runs: only a fix that seems to help lets them sleep."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from activities.support.stability import Pace, Samples
from models.evidence.evidence import Evidence, Finding
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.remediation.test_degradation import degraded

SECOND = timedelta(seconds=1)
ALTERNATING = [sights.HEALTHY, sights.answers(503)] * 500
GOOD = Evidence(finding=Finding.OK, reason="200")
BAD = Evidence(finding=Finding.BAD, reason="answered 503")


async def nothing_done(harness: Harness, rungs: dict[str, str]) -> Incident:
    """Its check blames a database that is well; then it looks well, and is verified with nothing done."""
    ladder = [{"role": role, "after": after} for role, after in rungs.items()]
    harness.configure(page_after="0s", escalation={"service-down": ladder})
    harness.world.process, harness.world.health = sights.RUNNING, sights.HEALTHY
    harness.world.healths = [sights.NAMES_DATABASE]
    harness.world.hold("watch_health")
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "verifying")
    assert state.performed == ()
    return handle


async def fixed(harness: Harness, stable_for: str) -> Incident:
    """It crashed, and was started; the second rung falls due while that is verified."""
    ladder = [{"role": "On-Call", "after": "0s"}, {"role": "Team Lead", "after": "2s"}]
    alert = {"ServiceDown": {"thresholds": {"stable_for": stable_for}}}
    harness.configure(page_after="0s", escalation={"service-down": ladder}, alerts=alert)
    harness.world.hold("watch_health")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "verifying")
    return handle


async def closes(harness: Harness, handle: Incident) -> None:
    harness.world.healths = []
    harness.world.let_go("watch_health")
    await harness.end(handle)


async def test_health_that_alternates_without_an_action_pages_on_time(harness: Harness) -> None:
    handle = await nothing_done(harness, {"On-Call": "8s"})
    harness.world.healths = list(ALTERNATING)
    await harness.sleep(8 * SECOND)
    assert harness.world.pages() == ["On-Call"]
    await closes(harness, handle)


async def test_every_rung_is_climbed_during_a_verification_without_an_action(harness: Harness) -> None:
    handle = await nothing_done(harness, {"On-Call": "8s", "Team Lead": "9s", "CTO": "10s"})
    await harness.sleep(10 * SECOND)
    assert harness.world.pages() == ["On-Call", "Team Lead", "CTO"]
    await closes(harness, handle)


async def test_a_fix_that_seems_to_help_wakes_nobody_while_it_is_verified(harness: Harness) -> None:
    handle = await fixed(harness, "5m")
    await harness.sleep(10 * SECOND)
    assert harness.world.pages() == ["On-Call"]
    await closes(harness, handle)


async def test_one_good_look_in_a_verification_that_alternates_keeps_nobody_asleep(harness: Harness) -> None:
    handle = await fixed(harness, "5m")
    harness.world.healths = list(ALTERNATING)
    await harness.sleep(10 * SECOND)
    assert harness.world.pages() == ["On-Call", "Team Lead"]
    await closes(harness, handle)


async def test_a_verification_holds_the_rungs_for_one_window_at_most(harness: Harness) -> None:
    handle = await fixed(harness, "3s")
    await harness.sleep(12 * SECOND)
    assert harness.world.pages() == ["On-Call", "Team Lead"]
    await closes(harness, handle)


async def test_what_fails_during_a_verification_waits_for_no_proof(harness: Harness) -> None:
    """The temporary change cannot be reverted, while what was done with it seems to help."""
    ladder = [{"role": "On-Call", "after": "0s"}, {"role": "Team Lead", "after": "2s"}]
    harness.configure(page_after="0s", escalation={"service-down": ladder})
    harness.world.after["errors"] = sights.FEW_ERRORS
    harness.world.hold("watch_errors")
    handle = await degraded(harness)
    await harness.until(handle, "verifying")
    await harness.sleep(8 * SECOND)
    assert harness.world.pages() == ["On-Call"], "it seems to help"
    harness.world.works = False
    harness.world.let_go("watch_providers")
    await harness.sleep(8 * SECOND)
    assert harness.world.pages() == ["On-Call", "Team Lead"]
    harness.world.works = True
    harness.world.let_go("watch_errors")
    await harness.end(handle)


@pytest.mark.parametrize("pattern", [(GOOD, BAD), (GOOD, GOOD, BAD), (*[GOOD] * 11, BAD)])
def test_a_verification_that_alternates_ends_within_two_windows(pattern: tuple[Evidence, ...]) -> None:
    every, window = 5 * SECOND, timedelta(minutes=5)
    pace = Pace(every=every, settle=timedelta(minutes=1), stable_for=window)
    began = at = datetime(2026, 1, 5, 3, tzinfo=UTC)
    seen = Samples(started_at=began)
    for one in itertools.cycle(pattern):
        seen, at = seen.after(one, at, every), at + every
        if found := pace.verdict(seen):
            break
    assert found and found.bad
    assert at - began < 2 * window


def test_a_start_that_stumbles_may_still_be_stable_in_the_end() -> None:
    every, window = 5 * SECOND, timedelta(minutes=5)
    pace = Pace(every=every, settle=timedelta(minutes=1), stable_for=window)
    began = at = datetime(2026, 1, 5, 3, tzinfo=UTC)
    seen = Samples(started_at=began)
    for one in itertools.chain([GOOD, BAD] * 6, itertools.repeat(GOOD)):
        seen, at = seen.after(one, at, every), at + every
        if found := pace.verdict(seen):
            break
    assert found and found.ok
