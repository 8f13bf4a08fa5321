"""The steward's book: its rules, with the clock in the test's hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from activities.incidents.stewardship import HistorySeen
from models.actions.plan import Plan
from models.actions.service import RollBack, StartService
from models.actions.surroundings import CleanUpFiles, SetEnvironment
from models.evidence.deployment import Deployment
from models.incident.incident import Performed
from models.incident.order import NotTaken
from models.incident.stewardship import Answer, Ask, Denial, Hold, Released, Remembered, StewardState
from models.names import Severity
from models.service.limits import Limits
from models.service.service import DockerManager, Service
from workflows.stewardship.ledger import REMEMBERED, Ledger

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CRITICAL, WARNING, INFO = Severity

BACKEND = Service(name="backend", manager=DockerManager(container="backend"))
PLAN = Plan(steps=(StartService(service=BACKEND),), why="it stands still")


def ledger() -> Ledger:
    return Ledger(StewardState(service="backend"))


def hold(name: str, severity: Severity = CRITICAL, after: timedelta = timedelta()) -> Hold:
    return Hold(incident=name, run_id=f"run of {name}", severity=severity, asked_at=NOW + after)


def ask(one: Hold, key: str = "", crashed_at: datetime | None = None) -> Ask:
    return Ask(key=key or one.incident, service="backend", hold=one, crashed_at=crashed_at)


def let_go(one: Hold, *, acted: bool = True, healed: bool = True, key: str = "") -> Released:
    return Released(incident=one.incident, run_id=one.run_id, acted=acted, healed=healed, key=key)


def performed() -> Performed:
    return Performed(plan=PLAN, approved_by="ada", done=True, found="done", started_at=NOW, finished_at=NOW)


def deployment(version: str, at: datetime = NOW, *, healthy: bool = False, image_id: str = "") -> Deployment:
    return Deployment(
        service="backend",
        version=version,
        image_id=image_id,
        deployed_at=at,
        healthy_at=at if healthy else None,
        current=True,
    )


def fail(book: Ledger, at: datetime) -> None:
    one = hold(f"failed at {at}")
    book.ask(ask(one), at)
    book.release(let_go(one, healed=False), at)


def test_who_asks_first_holds() -> None:
    book = ledger()
    assert book.ask(ask(hold("A")), NOW)[0].answer is Answer.GRANTED
    answered, withdrawn = book.ask(ask(hold("B")), NOW)
    assert (answered.answer, answered.why, withdrawn) == (Answer.QUEUED, "A holds it", None)
    assert book.holds("A", "run of A")
    assert not book.holds("A", "another run of A")


def test_the_same_key_has_the_same_answer() -> None:
    book = ledger()
    first = book.ask(ask(hold("A")), NOW)[0]
    book.release(let_go(hold("A")), NOW)
    book.ask(ask(hold("B")), NOW)
    assert book.ask(ask(hold("A")), NOW) == (first, None)
    assert book.holds("B", "run of B")
    assert len(book.waiting) == 0


def test_the_holder_may_ask_again() -> None:
    book = ledger()
    book.ask(ask(hold("A")), NOW)
    assert book.ask(ask(hold("A"), key="again"), NOW)[0].answer is Answer.GRANTED


def test_the_more_severe_takes_over_and_the_other_is_the_next() -> None:
    book = ledger()
    book.ask(ask(hold("mild", WARNING)), NOW)
    answered, withdrawn = book.ask(ask(hold("severe", CRITICAL)), NOW)
    assert (answered.answer, withdrawn) == (Answer.GRANTED, hold("mild", WARNING))
    assert book.release(let_go(hold("severe")), NOW) == hold("mild", WARNING)


def test_nobody_takes_over_from_his_equal_nor_from_one_that_acts() -> None:
    book = ledger()
    book.ask(ask(hold("A", WARNING)), NOW)
    assert book.ask(ask(hold("B", WARNING)), NOW)[0].answer is Answer.QUEUED
    book.acting = True
    assert book.ask(ask(hold("C", CRITICAL)), NOW)[0].answer is Answer.QUEUED


def test_the_most_severe_is_next_and_among_equals_the_one_that_waits_longest() -> None:
    book = ledger()
    waiting = (hold("late", WARNING, 2 * MINUTE), hold("early", WARNING, MINUTE), hold("mild", INFO))
    for one in (hold("A"), *waiting):
        book.ask(ask(one), NOW)
    book.acting = True
    order = []
    following = book.release(let_go(hold("A")), NOW)
    while following:
        assert not book.acting
        order.append(following.incident)
        following = book.release(let_go(following), NOW)
    assert order == ["early", "late", "mild"]


def test_who_leaves_the_line_is_not_granted_later() -> None:
    book = ledger()
    for name in ("A", "B"):
        book.ask(ask(hold(name)), NOW)
    assert book.release(let_go(hold("B")), NOW) is None
    assert book.release(let_go(hold("A")), NOW) is None
    assert book.holder is None


def test_who_asks_again_keeps_the_place_in_line() -> None:
    book = ledger()
    for one in (hold("A"), hold("B"), hold("C", after=MINUTE)):
        book.ask(ask(one), NOW)
    assert book.ask(ask(hold("B", after=2 * MINUTE), key="again"), NOW)[0].answer is Answer.QUEUED
    assert len(book.waiting) == 2
    assert book.release(let_go(hold("A")), NOW) == hold("B")


def test_who_acts_is_told_so_although_the_service_is_blocked() -> None:
    book = ledger()
    book.ask(ask(hold("A")), NOW)
    book.acting = True
    book.tried.blocked_until = NOW + MINUTE
    assert book.ask(ask(hold("A"), key="still there?"), NOW)[0].answer is Answer.GRANTED


def test_three_failures_in_an_hour_block_for_an_hour() -> None:
    book = ledger()
    for minutes in (0, 20, 40):
        fail(book, NOW + minutes * MINUTE)
    at = NOW + 41 * MINUTE
    answered, _ = book.ask(ask(hold("fourth")), at)
    assert answered.answer is Answer.REFUSED
    why = "backend is blocked until 04:40 UTC after 3 failures in an hour"
    assert answered.why == f"{why}; lifted at 04:40:00 UTC, or by starter.py service unblock backend"
    assert answered.refusal is not None
    assert (answered.refusal.reason, answered.refusal.until) == ("blocked", NOW + 100 * MINUTE)
    assert book.holder is None
    assert book.ask(ask(hold("fifth")), NOW + 100 * MINUTE)[0].answer is Answer.GRANTED


def test_failures_an_hour_apart_do_not_block() -> None:
    book = ledger()
    for minutes in (0, 30, 60):
        fail(book, NOW + minutes * MINUTE)
    assert book.tried.blocked_until is None


def test_a_success_forgets_the_failures() -> None:
    book = ledger()
    fail(book, NOW)
    fail(book, NOW)
    book.release(let_go(hold("A")), NOW)
    fail(book, NOW)
    assert book.tried.blocked_until is None


def test_what_never_acted_neither_fails_nor_heals() -> None:
    book = ledger()
    for _ in range(3):
        book.release(let_go(hold("A"), acted=False, healed=False), NOW)
    assert (book.tried.failures, book.tried.blocked_until) == ([], None)
    fail(book, NOW)
    book.release(let_go(hold("A"), acted=False, healed=True), NOW)
    assert len(book.tried.failures) == 1


def test_unblock_forgets_the_failures() -> None:
    book = ledger()
    for _ in range(3):
        fail(book, NOW)
    book.unblock()
    assert book.ask(ask(hold("A")), NOW)[0].answer is Answer.GRANTED
    book.release(let_go(hold("A"), healed=False), NOW)
    assert book.tried.blocked_until is None


def test_one_crash_is_counted_once_and_for_a_day() -> None:
    book = ledger()
    book.ask(ask(hold("A"), crashed_at=NOW), NOW)
    book.ask(ask(hold("B"), crashed_at=NOW), NOW)
    assert book.crashes == [NOW]
    book.ask(ask(hold("C")), NOW + timedelta(hours=23))
    assert book.crashes == [NOW], "the longest window that can be configured"
    book.ask(ask(hold("D")), NOW + timedelta(hours=24))
    assert book.crashes == []


def test_a_version_keeps_its_date_while_it_runs_and_gets_a_new_one_when_it_returns() -> None:
    book = ledger()
    book.deployed(deployment("1", NOW, healthy=True))
    book.deployed(deployment("1", NOW + MINUTE))
    (one,) = book.deployments
    assert (one.deployed_at, one.healthy_at, one.current) == (NOW, NOW, True)
    book.deployed(deployment("2", NOW + 2 * MINUTE))
    assert [(d.version, d.current) for d in book.deployments] == [("1", False), ("2", True)]
    book.deployed(deployment("1", NOW + 3 * MINUTE))
    assert [d.version for d in book.deployments if d.current] == ["1"]
    assert next(d for d in book.deployments if d.current).deployed_at == NOW + 3 * MINUTE


def denial(at: datetime) -> Denial:
    said = {"says": PLAN.says, "by": "ada", "why": "it is the migration"}
    return Denial(incident="D", run_id="run of D", essences=(PLAN.essence,), at=at, **said)


def full() -> Ledger:
    """A book with something on every page."""
    book = ledger()
    book.ask(ask(hold("A", WARNING), crashed_at=NOW), NOW)
    book.ask(ask(hold("B", WARNING)), NOW)
    for _ in range(3):
        book.release(let_go(hold("C"), healed=False), NOW)
    book.release(let_go(hold("C"), acted=False, key="release"), NOW)
    book.record("order", performed(), PLAN.steps)
    book.tried.limits = Limits(failures=2)
    book.release(Released(incident="D", run_id="D", acted=False, healed=False, denied=denial(NOW)), NOW)
    book.deployed(deployment("1", healthy=True))
    book.acting = True
    book.not_taken = (NotTaken(key="k", at=NOW, what="deployed", by="somebody", why="it is not signed"),)
    return book


def test_a_release_that_is_said_twice_counts_one_failure_and_frees_no_later_hold() -> None:
    book = ledger()
    first = let_go(hold("A"), healed=False, key="first")
    book.ask(ask(hold("A"), "1"), NOW)
    book.release(first, NOW)
    book.ask(ask(hold("A"), "2"), NOW)
    assert book.release(first, NOW) is None
    assert (book.state().failed, book.holder) == (1, hold("A"))
    book.release(let_go(hold("A"), healed=False, key="second"), NOW)
    assert (book.state().failed, book.holder) == (2, None)


def test_everything_survives_a_new_run() -> None:
    state = full().state()
    empty = StewardState(service="backend")
    same = [name for name in StewardState.model_fields if getattr(state, name) == getattr(empty, name)]
    assert same == ["service", "used"], "the test must fill every field; the steward itself keeps `used`"
    assert Ledger(StewardState.model_validate_json(state.model_dump_json())).state() == state


def test_the_book_does_not_grow_without_end() -> None:
    book = ledger()
    for number in range(3 * REMEMBERED):
        one = hold(str(number))
        book.ask(ask(one), NOW)
        book.record(str(number), performed(), PLAN.steps)
        book.deployed(deployment(str(number)))
        book.release(let_go(one, key=str(number)), NOW)
    state = book.state()
    assert len(state.released_keys) == REMEMBERED
    assert len(state.answered) == len(state.performed) == len(state.deployments) == REMEMBERED
    assert state.done_keys[-1] == str(3 * REMEMBERED - 1)
    assert len(state.model_dump_json()) < 200_000


def test_fifty_plans_of_two_hundred_paths_are_remembered_in_few_bytes() -> None:
    files = tuple(f"/var/log/{'x' * 200}/{number}.log" for number in range(200))
    settings = {f"KEY_{number}": "x" * 200 for number in range(100)}
    large = (
        Plan(steps=(CleanUpFiles(service=BACKEND, files=files, frees=1),), why="full"),
        Plan(steps=(SetEnvironment(service=BACKEND, file=".env", values=settings, diff="x"),), why="few"),
    )
    book = ledger()
    for number in range(REMEMBERED):
        found = f"kept {', '.join(files)}"
        done = performed().model_copy(update={"plan": large[number % 2], "found": found})
        book.ask(ask(hold(f"{number}")), NOW)
        book.record(f"{number}", done, PLAN.steps)
        book.release(let_go(hold(f"{number}")), NOW)
    assert len(book.state().performed) == REMEMBERED
    assert len(book.state().model_dump_json()) < 64 * 1024


def test_nobody_goes_back_to_a_version_that_was_rolled_back() -> None:
    """Its health check was well all the time: that is not what it was left for."""
    book = ledger()
    book.deployed(deployment("1", NOW, healthy=True))
    book.deployed(deployment("2", NOW + MINUTE, healthy=True))
    back = RollBack(service=BACKEND, from_version="2", to_version="1", script=None)
    plan = Plan(steps=(back,), why="it fails")
    book.record(
        "roll back",
        performed().model_copy(update={"plan": plan, "finished_at": NOW + 2 * MINUTE}),
        plan.steps,
    )
    book.deployed(deployment("1", NOW + 2 * MINUTE, healthy=True))
    assert history(book).last_healthy is None

    book.deployed(deployment("2", NOW + MINUTE, healthy=True))
    book.deployed(deployment("1", NOW + 2 * MINUTE, healthy=True))
    assert history(book).last_healthy is None, "a late word about it changes nothing"

    book.deployed(deployment("2", NOW + 3 * MINUTE, healthy=True))
    book.deployed(deployment("3", NOW + 4 * MINUTE))
    newest = history(book).last_healthy
    assert newest is not None
    assert newest.version == "2", "deployed anew, it is a version as any other"


def test_nobody_goes_back_to_a_version_that_a_person_left_for_the_one_before() -> None:
    """Somebody went back by hand; what is wrong afterwards is no reason to bring the newer one again."""
    book = ledger()
    book.deployed(deployment("1", NOW, healthy=True))
    book.deployed(deployment("2", NOW + MINUTE, healthy=True))
    book.deployed(deployment("1", NOW + 2 * MINUTE, healthy=True))
    assert history(book).last_healthy is None

    book.deployed(deployment("2", NOW + 3 * MINUTE, healthy=True))
    back = history(book).last_healthy
    assert back is not None and back.version == "1", "whoever goes on again leaves nothing behind"


def test_a_replica_that_still_runs_the_version_before_is_no_way_back() -> None:
    book = ledger()
    book.deployed(deployment("1", NOW, healthy=True))
    book.deployed(deployment("2", NOW + MINUTE, healthy=True))
    book.deployed(deployment("1", NOW, healthy=True))
    book.deployed(deployment("2", NOW + MINUTE, healthy=True))
    book.deployed(deployment("3", NOW + 2 * MINUTE))
    newest = history(book).last_healthy
    assert newest is not None and newest.version == "2"


def test_a_moved_tag_is_another_version() -> None:
    """`latest` was built anew: the way back is to what it meant before."""
    book = ledger()
    book.deployed(deployment("latest", NOW, healthy=True, image_id="sha256:1"))
    book.deployed(deployment("latest", NOW + MINUTE, image_id="sha256:2"))
    back = history(book).last_healthy
    assert back is not None
    assert (back.image_id, back.deployed_at) == ("sha256:1", NOW)

    book.deployed(deployment("sha256:1", NOW + 2 * MINUTE, image_id="sha256:1"))
    assert [one.version for one in history(book).deployments] == ["latest", "latest"], (
        "one image, one version"
    )


def test_a_name_that_a_pipeline_announced_is_completed_by_what_is_seen() -> None:
    book = ledger()
    book.deployed(deployment("2", NOW))
    book.deployed(deployment("2", NOW + MINUTE, image_id="sha256:2"))
    (one,) = history(book).deployments
    assert (one.image_id, one.deployed_at) == ("sha256:2", NOW)


def history(book: Ledger) -> HistorySeen:
    deployments = sorted(book.state().deployments, key=lambda one: one.deployed_at, reverse=True)
    return HistorySeen(deployments=tuple(deployments))


def test_all_that_the_steward_remembers_is_handed_over_newest_first() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    once = Remembered(
        says="", approved_by="anna", done=True, found="ok", started_at=at, finished_at=at, essence="e"
    )
    done = tuple(once.model_copy(update={"says": f"plan {n}"}) for n in range(9))
    seen = HistorySeen.of(StewardState(service="backend", performed=done), at)
    assert len(seen.did_since("e", at)) == 9
    assert seen.performed[0].says == "plan 8"
    assert len(seen.recent) == 5
