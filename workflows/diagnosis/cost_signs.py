"""By what the causes of a high bill are recognised, and what contradicts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.app.open_executions import StuckExecution
    from activities.app.starts import StartedType
    from activities.monitoring.costs import ApiSpend, in_short
    from models.base import in_words
    from models.service.costs import Costs, Driver, PaidApi
    from workflows.diagnosis.situation import Situation


NOT_CONFIGURED = Costs(prometheus="http://localhost:9090")
"""Where no costs are configured none are seen, and nothing follows from it."""


def costs_of(now: Situation) -> Costs:
    """By what the spend of the service is judged."""
    return now.service.costs or NOT_CONFIGURED


def within_the_pace(now: Situation) -> bool:
    return now[looks.costs].slow_enough(costs_of(now))


def dearest(now: Situation) -> tuple[ApiSpend | None, PaidApi]:
    """The provider whose bill grew most, and what is configured of it."""
    spend = now[looks.costs].dearest
    return spend, costs_of(now).apis.get(spend.api, PaidApi()) if spend else PaidApi()


def grew(now: Situation, spend: ApiSpend) -> bool:
    """By a good part of the budget, as far as that is known."""
    return spend.pace is None or spend.more >= costs_of(now).budget_pace / 4


def too_frequent(now: Situation) -> StartedType | None:
    """What is started far more often than usual, of those that may call the dearest provider."""
    _, api = dearest(now)
    calling = (one for one in now[looks.starts].frequent if not api.workflows or one.type in api.workflows)
    return max(calling, key=lambda one: one.starts, default=None)


def tried_for_ever(now: Situation) -> StuckExecution | None:
    """One open workflow, a step of which is tried again and again.

    Where nobody knows what calls the provider, one that was there before the bill grew explains nothing.
    """
    _, api = dearest(now)
    seen_at, usual_for = now[looks.costs].observed_at, 2 * costs_of(now).per
    stuck = (one for one in now[looks.open_executions].stuck if one.attempts)
    calling = (
        one
        for one in stuck
        if (one.type in api.workflows)
        or not (api.workflows or (seen_at is not None and one.since < seen_at - usual_for))
    )
    return max(calling, key=lambda one: one.attempts, default=None)


def retried_in_its_log(now: Situation) -> bool:
    spend, _ = dearest(now)
    return spend is not None and now[looks.retries].many_of(spend.api, costs_of(now)) is not None


def a_loop(now: Situation) -> bool:
    """One that costs: the bill of whom it calls has grown."""
    spend, _ = dearest(now)
    return spend is not None and grew(now, spend) and (loops(now) or retried_in_its_log(now))


def only_its_log_says_so(now: Situation) -> bool:
    """What is retried after a failure costs little; a loop that costs shows in its workflows."""
    known = not (now[looks.starts].unknown or now[looks.open_executions].unknown)
    return known and not loops(now)


def over_already(now: Situation) -> bool:
    """What is spent now is little, or as usual at this time of the day, after a step that is over."""
    seen = now[looks.costs]
    as_usual = seen.step is not None and not seen.unseen and not any(expensive(now))
    return seen.bad and (within_the_pace(now) or as_usual)


def loops(now: Situation) -> bool:
    return bool(too_frequent(now) or tried_for_ever(now))


def still_loops(now: Situation) -> bool:
    spend, _ = dearest(now)
    return loops(now) and spend is not None and grew(now, spend)


def expensive(now: Situation) -> Iterator[PaidApi]:
    """The providers whose bill grew by a good part of the budget."""
    costs = costs_of(now)
    for one in now[looks.costs].apis:
        if grew(now, one):
            yield costs.apis.get(one.api, PaidApi())


def paid_by(driver: Driver) -> Callable[[Situation], bool]:
    return lambda now: any(one.because_of is driver for one in expensive(now))


def another_grew_more(driver: Driver) -> Callable[[Situation], bool]:
    return lambda now: dearest(now)[1].because_of is not driver


def driven_by(now: Situation) -> str:
    """Whether starts or retries are what is too much; empty where nothing tells of a loop."""
    often, stuck, in_log = too_frequent(now), tried_for_ever(now), retried_in_its_log(now)
    if often and stuck:
        return "both the starts and the retries are too many"
    if often:
        none = "" if now[looks.open_executions].unknown else ", and no open workflow is tried again and again"
        inside = "; what is started retries its calls as well, by its log" if in_log else ""
        return f"it is the starts that are too many{none}{inside}"
    if stuck:
        known = "" if now[looks.starts].unknown else ", and nothing that calls it is started too often"
        return f"it is the retries that are too many{known}"
    return "only its log tells of retries" if in_log else ""


def pace_is_proved(now: Situation) -> str:
    """That the pace is within the budget; and why a spend over it is no contradiction."""
    seen, costs = now[looks.costs], costs_of(now)
    pace = "not known" if seen.pace is None else f"${seen.pace:.2f} an hour"
    words = f"the pace is within the budget: now {pace}, at most ${costs.budget_pace:.2f}"
    if not seen.bad:
        return f"{words}; {seen.reason}"
    left = f"what was spent stays spent, and leaves the last {in_words(costs.per)} by itself"
    return f"{words}; that the sum is over it is no contradiction, for {left}: {seen.reason}"


def in_words_of(now: Situation) -> str:
    """Which provider costs what, and what tells of a loop; for the person who decides."""
    spend, _ = dearest(now)
    words = [now[looks.costs].reason]
    if spend and spend.pace is not None:
        usual = f", usually ${spend.usual_pace:.2f}" if spend.usual_pace is not None else ""
        words.append(f"most of what is more: {spend.api}, ${spend.pace:.2f} an hour{usual}")
    if step := now[looks.costs].step:
        words.append(in_short(step))
    if driver := driven_by(now):
        words.append(driver)
    if often := too_frequent(now):
        usual = f"usually {often.usual:.1f}" if often.usual is not None else "usually not known"
        by = f" by the schedule {often.schedule}" if often.schedule else ""
        started = f"{often.starts} times in the last {in_words(now[looks.starts].window)}, {usual}"
        words.append(f"{often.type} was started {started}{by}; see {often.link or often.workflow_id}")
    if stuck := tried_for_ever(now):
        words.append(f"{stuck.type} {stuck.workflow_id} (run {stuck.run_id}): {stuck.why}; see {stuck.link}")
    if spend and (lines := now[looks.retries].many_of(spend.api, costs_of(now))):
        words.append(f"its log has {lines.lines} lines of retries at {lines.api}: {lines.newest}")
    if now[looks.process].down:
        words.append(
            f"{now.service.name} does not run ({now[looks.process].reason}): a change would start it"
        )
    everything = now[looks.savings].options.get(looks.EVERY_SETTING)
    return "; ".join((*words, *(everything.left if everything else ())))
