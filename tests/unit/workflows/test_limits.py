"""The limits of a service against a plain model: a log of what happened, judged anew for each question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.actions.change import Change
from models.actions.memory import ClearCache
from models.actions.plan import Plan, offered
from models.actions.service import RestartService, StartService
from models.incident.incident import Performed
from models.incident.refusal import RefusalReason
from models.incident.stewardship import AllowedBy, Answer, Ask, Hold, Intent, Order, Released, StewardState
from models.names import Severity
from models.service.limits import Limits
from models.service.service import DockerManager, Service
from workflows.stewardship.ledger import Ledger

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
USUAL = Service(name="backend", manager=DockerManager(container="backend"))
ACTIONS: dict[str, Callable[[Service], Change]] = {
    "start": lambda service: StartService(service=service),
    "restart": lambda service: RestartService(service=service),
    "clear": lambda service: ClearCache(service=service, holds=1),
}


def plan(*actions: str, limits: Limits | None = None) -> Plan:
    service = USUAL.model_copy(update={"limits": limits or Limits()})
    steps: tuple[Change, ...] = tuple(ACTIONS[one](service) for one in actions)
    return Plan(steps=steps, why="it is down")


@dataclass
class Stewarded:
    """A ledger as incidents use it: each asks, acts, and lets go."""

    book: Ledger = field(default_factory=lambda: Ledger(StewardState(service="backend")))
    asked: int = 0

    def wants(self, what: Plan, at: datetime, by: AllowedBy = AllowedBy.POLICY) -> RefusalReason | None:
        """Order it as the only incident of the service, and carry it out if that is granted."""
        self.asked += 1
        hold = Hold(incident="A/backend", run_id="A", severity=Severity.CRITICAL, asked_at=at)
        order = Order(key=f"{self.asked}", incident="A/backend", run_id="A", plan=what, approved_by="ada")
        ask = Ask(key=f"{self.asked}", service="backend", hold=hold, order=order, allowed_by=by)
        answered, _ = self.book.ask(ask, at)
        if answered.answer is Answer.REFUSED:
            assert answered.refusal is not None, "each refusal has its reason"
            assert answered.refusal.until is None or answered.refusal.until > at, "what lifts it is to come"
            return answered.refusal.reason
        done = Performed(plan=what, approved_by="ada", done=True, found="", started_at=at, finished_at=at)
        self.book.record(order.key, done, what.steps)
        return None

    def lets_go(self, at: datetime, *, healed: bool) -> None:
        self.book.release(Released(incident="A/backend", run_id="A", acted=True, healed=healed), at)


@dataclass
class Model:
    """The same from a plain log: nothing is kept but what happened."""

    limits: Limits
    did: list[tuple[datetime, str]] = field(default_factory=list)
    ended: list[tuple[datetime, bool]] = field(default_factory=list)
    """When an incident let go, and whether it had healed the service."""
    proved: int = 0
    """How much of `did` was done before the last proof."""
    lifted: int = 0
    """How much of `did` was done before a person lifted everything."""
    blocked_until: datetime = NOW

    def refuses(self, actions: tuple[str, ...], at: datetime, by: AllowedBy) -> set[RefusalReason]:
        if by is AllowedBy.REVERT:
            return set()
        if at < self.blocked_until:
            return {RefusalReason.BLOCKED}
        if by is AllowedBy.PERSON:
            return set()
        reasons = set()
        restarting = [when for when, one in self.did[self.lifted :] if one != "clear" and at - when < HOUR]
        wanted = [one for one in actions if one != "clear"]
        if wanted and len(restarting) + len(wanted) > self.limits.restarts_per_hour:
            reasons.add(RefusalReason.RESTARTS)
        lately = [one for when, one in self.did[self.proved :] if at - when < self.limits.cooldown]
        if set(lately) & set(actions):
            reasons.add(RefusalReason.COOLDOWN)
        failed = self.failed()
        pause = min(MINUTE * 2 ** (len(failed) - 1), 10 * MINUTE) if failed else timedelta()
        if failed and at - failed[-1] < pause:
            reasons.add(RefusalReason.BACK_OFF)
        return reasons

    def failed(self) -> list[datetime]:
        """The failures in a row."""
        healed = [place for place, (_, healed) in enumerate(self.ended) if healed]
        return [at for at, _ in self.ended[healed[-1] + 1 if healed else 0 :]]

    def lets_go(self, at: datetime, *, healed: bool) -> None:
        self.ended.append((at, healed))
        if healed:
            self.proved = len(self.did)
        elif sum(at - one < HOUR for one in self.failed()) >= self.limits.failures:
            self.blocked_until = at + self.limits.blocked_for

    def lift(self) -> None:
        self.ended, self.blocked_until = [], NOW
        self.proved = self.lifted = len(self.did)


STEPS = st.lists(
    st.tuples(
        st.sampled_from((0, 0.5, 1, 2, 4.5, 5, 9, 20, 59, 60)),
        st.sampled_from(("order", "order", "order", "heals", "fails", "fails", "unblock")),
        st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=2, unique=True),
        st.sampled_from((AllowedBy.POLICY, AllowedBy.POLICY, AllowedBy.POLICY, *AllowedBy)),
    ),
    max_size=30,
)
LIMITS = st.builds(Limits, restarts_per_hour=st.integers(0, 4), failures=st.integers(1, 6))


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, limits=LIMITS)
def test_any_story_is_judged_as_by_the_log_of_it(
    steps: list[tuple[float, str, list[str], AllowedBy]], limits: Limits
) -> None:
    real, model, at = Stewarded(), Model(limits), NOW
    for minutes, what, actions, by in steps:
        at += minutes * MINUTE
        if what == "order":
            expected = model.refuses(tuple(actions), at, by)
            refused = real.wants(plan(*actions, limits=limits), at, by)
            assert (refused in expected) if expected else refused is None
            if refused is None:
                model.did += [(at, one) for one in actions]
        elif what == "unblock":
            real.book.unblock()
            model.lift()
        elif real.book.tried.limits == limits:  # it knows them from the first order on
            for one in (real, model):
                one.lets_go(at, healed=what == "heals")


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_a_refusal_ends_exactly_when_it_says(steps: list[tuple[float, str, list[str], AllowedBy]]) -> None:
    real, at = Stewarded(), NOW
    for minutes, what, actions, _ in steps:
        at += minutes * MINUTE
        if what in ("heals", "fails"):
            real.lets_go(at, healed=what == "heals")
        else:
            real.wants(plan(*actions), at)
    for actions in (["start"], ["restart"], ["clear"], ["start", "restart"]):
        refusal = real.book.tried.refusal(Intent.of(plan(*actions)), at)
        if refusal and refusal.until:
            almost = refusal.until - timedelta(microseconds=1)
            assert real.book.tried.refusal(Intent.of(plan(*actions)), almost)
            assert not real.book.tried.refusal(Intent.of(plan(*actions)), refusal.until)


def test_three_restarts_an_hour_and_a_proved_recovery_gives_none_back() -> None:
    real = Stewarded()
    for minutes in (0, 10, 20):
        assert real.wants(plan("restart"), NOW + minutes * MINUTE) is None
        real.lets_go(NOW + (minutes + 6) * MINUTE, healed=True)
    assert real.wants(plan("restart"), NOW + 30 * MINUTE) is RefusalReason.RESTARTS
    assert real.wants(plan("clear"), NOW + 30 * MINUTE) is None, "which restarts nothing"
    assert real.wants(plan("restart"), NOW + 60 * MINUTE) is None


def test_what_failed_is_left_alone_for_longer_each_time_up_to_ten_minutes() -> None:
    pauses = [Limits().back_off_after(failed) / MINUTE for failed in range(7)]
    assert pauses == [0, 1, 2, 4, 8, 10, 10]
    assert Limits(back_off=timedelta(), longest_back_off=timedelta()).back_off_after(3) == timedelta()
    assert Limits().back_off_after(10_000) == 10 * MINUTE


def test_what_is_wanted_is_known_by_what_it_needs() -> None:
    """Of a choice, by what any of its plans does; with a limit of none a person is asked each time."""
    choice = offered(plan("start"), plan("clear", "restart"))
    assert choice is not None
    intent = Intent.of(choice)
    assert (len(intent.essences), intent.restarts) == (2, 1)
    never = Stewarded()
    assert never.wants(plan("start", limits=Limits(restarts_per_hour=0)), NOW) is RefusalReason.RESTARTS
    (refusal,) = never.book.tried.bind(NOW)
    assert (refusal.until, refusal.lifted_by) == (None, "by a person who approves it")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("restarts_per_hour", -1, "greater than or equal to 0"),
        ("restarts_per_hour", 1000, "less than or equal to 20"),
        ("cooldown", "2d", "less than or equal to datetime.timedelta(days=1)"),
        ("cooldown", "soon", "is not a duration"),
        ("longest_back_off", "30s", "longest_back_off (30 s) must be at least back_off (1 min)"),
        ("failures", 0, "greater than or equal to 1"),
        ("blocked_for", "0s", "greater than 0"),
        ("cool_down", "5m", "Extra inputs are not permitted"),
    ],
)
def test_limits_that_make_no_sense_are_refused(key: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Limits.model_validate({key: value})
    assert says in str(refused.value)
