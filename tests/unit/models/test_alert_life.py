"""One alert's life, against everything that its source can send of it, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.incident import alert_life
from models.incident.alert import Alert, AlertStatus
from models.incident.alert_life import LATE_COPIES, MOST_INSTANCES, AlertLife, Change, Closed, instance_of

BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRING, RESOLVED = AlertStatus


def at(minute: float) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def fires(start: float = 0, instance: str = "a", **more: object) -> Alert:
    return Alert.model_validate(
        {
            "name": "ServiceDown",
            "service": "backend",
            "starts_at": at(start),
            "fingerprint": instance,
            **more,
        }
    )


def ends(start: float = 0, end: float | None = None, instance: str = "a", **more: object) -> Alert:
    ended = None if end is None else at(end)
    return fires(start, instance, status=RESOLVED, ends_at=ended, **more)


def hear(*alerts: Alert, now: datetime = BEGAN + HOUR) -> AlertLife:
    life = AlertLife()
    for alert in alerts:
        life.hear(alert, now)
    return life


@dataclass(frozen=True)
class History:
    """What was true of one instance, and what its source sent of it, oldest first."""

    instance: str
    sent: tuple[Alert, ...]

    @property
    def fires(self) -> bool:
        return self.sent[-1].firing


@st.composite
def histories(draw: st.DrawFn, instance: str) -> History:
    """Firings one after another, each of them sent with a start that moves, as merged alerts have it."""
    sent: list[Alert] = []
    minute = draw(st.integers(0, 2))
    for _ in range(draw(st.integers(1, 3))):
        start, length = minute, draw(st.integers(1, 3))
        claims = st.integers(start, start + length - 1)
        sent += [fires(claim, instance) for claim in draw(st.lists(claims, min_size=1, max_size=3))]
        minute = start + length
        claimed = draw(st.integers(start, minute))  # some senders put the end in the place of the start
        sent.append(ends(claimed, minute, instance))
        minute += draw(st.integers(1, 2))
    return History(instance, tuple(sent[: -1 if draw(st.booleans()) else None]))


@st.composite
def heard(draw: st.DrawFn) -> tuple[list[History], list[Alert]]:
    """Instances, and their notifications: lost, doubled and shuffled, but for the newest of each."""
    all_of_them = [draw(histories(name)) for name in "abc"[: draw(st.integers(1, 3))]]
    delivered = [one.sent[-1] for one in all_of_them]
    for one in all_of_them:
        delivered += draw(st.lists(st.sampled_from(one.sent), max_size=6))
    return all_of_them, draw(st.permutations(delivered))


@given(heard())
def test_in_any_order_with_copies_and_losses_the_newest_word_of_each_instance_counts(
    what: tuple[list[History], list[Alert]],
) -> None:
    all_of_them, delivered = what
    assert set(hear(*delivered).firing) == {one.instance for one in all_of_them if one.fires}


@given(heard())
def test_what_was_heard_before_changes_nothing_when_it_is_heard_again(
    what: tuple[list[History], list[Alert]],
) -> None:
    _, delivered = what
    assert hear(*delivered, *delivered).firing.keys() == hear(*delivered).firing.keys()


@given(st.integers(1, 4).flatmap(lambda n: st.permutations("abcd"[:n])))
def test_it_is_over_once_and_only_when_the_last_instance_is(order: list[str]) -> None:
    life = hear(*(fires(instance=name) for name in order))
    changes = [life.hear(ends(end=5, instance=name), at(6)) for name in order]
    assert changes == [Change.PARTLY_OVER] * (len(order) - 1) + [Change.OVER]


@given(heard())
def test_what_is_handed_on_goes_on_the_same(what: tuple[list[History], list[Alert]]) -> None:
    _, delivered = what
    half = len(delivered) // 2
    life = AlertLife(hear(*delivered[:half]).instances)
    for one in delivered[half:]:
        life.hear(one, BEGAN + HOUR)
    assert life.instances == hear(*delivered).instances


def test_a_batch_without_fingerprints_has_as_many_instances_as_label_sets() -> None:
    one, two = (fires(instance="", labels={"instance": name, "job": "x"}) for name in "ab")
    life = hear(one, two)
    over = one.model_copy(update={"status": RESOLVED, "labels": {"job": "x", "instance": "a"}})
    assert life.hear(over, at(90)) is Change.PARTLY_OVER
    assert life.hear(two.model_copy(update={"status": RESOLVED}), at(90)) is Change.OVER


def test_the_end_counts_although_its_start_moved_to_an_earlier_time() -> None:
    life = hear(fires(10))
    assert life.hear(fires(5), at(90)) is Change.REPEATED
    assert life.hear(ends(5, 20), at(90)) is Change.OVER


def test_the_end_counts_although_it_claims_to_have_started_when_it_ended() -> None:
    life = hear(fires(10), ends(20, 20))
    assert not life.firing
    assert life.hear(fires(10), BEGAN + HOUR) is Change.STALE


def test_the_end_of_an_earlier_firing_does_not_end_a_later_one() -> None:
    assert hear(fires(10), ends(0, 5)).firing
    assert hear(fires(10), ends(0)).firing


def test_a_known_start_is_a_late_copy_for_a_while_and_then_it_fires_again() -> None:
    """Alertmanager merges a new firing into one that it has not forgotten: it has the old start."""
    life = AlertLife()
    life.hear(fires(0), at(0))
    life.hear(ends(0, 5), at(5))
    assert life.hear(fires(0), at(5) + LATE_COPIES - timedelta(seconds=1)) is Change.STALE
    assert life.hear(fires(0), at(5) + LATE_COPIES) is Change.AGAIN
    assert life.hear(ends(0, 5), at(25)) is Change.STALE, "the end that is known already"
    assert life.hear(ends(0, 30), at(30)) is Change.OVER


def test_without_a_start_its_arrival_decides() -> None:
    life = hear(fires(0, dated=False))
    assert life.hear(fires(61, dated=False), at(61)) is Change.REPEATED
    assert life.hear(ends(62, dated=False), at(62)) is Change.OVER
    assert life.hear(fires(63, dated=False), at(63)) is Change.AGAIN


def test_a_clock_that_is_years_ahead_begins_and_ends() -> None:
    years = 60 * 24 * 365
    life = hear(fires(years), now=at(0))
    assert life.hear(fires(years), at(1)) is Change.REPEATED
    assert life.hear(ends(years - 5, 7), at(8)) is Change.OVER
    assert AlertLife(hear(fires(0), ends(0, years)).instances).hear(fires(70), at(71)) is Change.AGAIN


def test_what_its_source_no_longer_lists_is_over() -> None:
    life = hear(*(fires(instance=name) for name in "abc"), now=at(0))
    listed = ends(-99, 10, still_active=("b",))
    assert life.hear(listed, at(10)) is Change.PARTLY_OVER
    assert set(life.firing) == {"b"}
    assert life.hear(listed, at(10)) is Change.STALE
    assert life.hear(ends(-99, 11, still_active=()), at(11)) is Change.OVER


def test_a_source_that_was_started_since_does_not_end_what_it_may_not_have_learned() -> None:
    life = hear(fires(0), fires(5, "b"), now=at(6))
    assert life.hear(ends(4, 7, still_active=()), at(7)) is Change.PARTLY_OVER
    assert set(life.firing) == {"a"}


def test_what_a_late_worker_hears_is_over_all_the_same() -> None:
    life = hear(fires(0), now=at(9))
    assert life.hear(ends(-99, 5, still_active=()), at(9)) is Change.OVER


def test_what_began_after_its_source_was_asked_is_not_over() -> None:
    life = hear(fires(11), now=at(11))
    assert life.hear(ends(-99, 10, still_active=()), at(12)) is Change.STALE


def test_what_a_person_fired_is_no_business_of_a_source_that_never_had_it() -> None:
    by_hand = fires(source="command")
    life = hear(by_hand)
    assert life.hear(ends(-99, 120, still_active=()), at(120)) is Change.STALE
    assert life.hear(ends(-60, -30), at(120)) is Change.PARTLY_OVER, "an earlier firing of its source"
    assert life.firing
    assert life.hear(ends(0, 130, instance="z"), at(130)) is Change.OVER


def test_ten_thousand_instances_are_bounded_and_what_fires_is_forgotten_last() -> None:
    life = AlertLife()
    life.hear(fires(instance="first"), at(0))
    for number in range(2 * MOST_INSTANCES):
        life.hear(ends(end=1, instance=str(number)), at(1))
    assert len(life.instances) == MOST_INSTANCES
    assert set(life.firing) == {"first"}


def test_a_fingerprint_of_any_length_is_kept_short() -> None:
    long, other = (fires(instance="x" * 200 + name) for name in "ab")
    assert instance_of(long) != instance_of(other)
    assert max(map(len, hear(long, other).instances)) <= alert_life.LONGEST


def test_a_closed_incident_knows_what_fired_when_it_closed_for_an_hour() -> None:
    closed = Closed(instances=hear(fires(0), now=at(0)).instances)
    assert closed.knows(fires(0), at(10), at(69))
    assert closed.knows(fires(-5), at(10), at(69))
    assert not closed.knows(fires(0), at(10), at(70)), "it still fires: somebody should know"
    assert not closed.knows(fires(20), at(10), at(21)), "it fires anew"
    assert not closed.knows(fires(0, "b"), at(10), at(11))


def test_a_closed_incident_knows_late_copies_of_what_is_over_for_a_quarter_of_an_hour() -> None:
    closed = Closed(instances=hear(fires(0), ends(0, 5), now=at(6)).instances)
    assert closed.knows(fires(0), at(6), at(20))
    assert not closed.knows(fires(0), at(6), at(21))
    assert not closed.knows(fires(5.5), at(6), at(7))
