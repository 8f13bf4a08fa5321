"""How the suite is shared out among the workers: which tests stay together, and what does not run at once."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from tests.parts.sharing import (
    OBSERVED_AT_ONCE,
    SCENARIOS,
    SharedOut,
    part_of,
    wants_only_those_alone,
)


class Worker:
    """As the scheduler sees one: it is told which tests to run."""

    def send_runtest_some(self, _: list[int]) -> None:
        """Nothing runs here."""


class Sharing(SharedOut):
    """A scheduler without a session: the parts, and workers that have none yet."""

    def __init__(self, tests: list[str], workers: list[Worker]) -> None:
        self.workqueue = OrderedDict((part_of(one), {one: False}) for one in tests)
        self.registered_collections = dict.fromkeys(workers, tests)
        self.assigned_work: dict[Worker, dict[str, dict[str, bool]]] = {worker: {} for worker in workers}

    def give(self, worker: Worker) -> str:
        """The part that this worker is given next."""
        self._assign_work_unit(worker)
        return str(list(self.assigned_work[worker])[-1])

    def finish(self, worker: Worker) -> None:
        for tests in self.assigned_work[worker].values():
            tests.update(dict.fromkeys(tests, True))


def scenario(of: str) -> str:
    return f"{SCENARIOS}::test_scenario[{of}-some-name: with a colon]"


@pytest.mark.parametrize(
    ("test", "part"),
    [
        ("tests/unit/test_a.py::test_b", "tests/unit/test_a.py"),
        ("tests/unit/test_a.py::test_b[http://c:80]", "tests/unit/test_a.py"),
        (scenario("observed:HighApiCosts"), f"{SCENARIOS}[observed:HighApiCosts]"),
        (scenario("small-disk:AnyAlert"), f"{SCENARIOS}[small-disk:AnyAlert]"),
    ],
)
def test_a_file_stays_together_and_of_the_scenarios_those_of_one_runbook(test: str, part: str) -> None:
    assert part_of(test) == part


def test_only_some_workers_have_an_observed_stack_while_there_is_other_work() -> None:
    workers = [Worker() for _ in range(4)]
    observed = [scenario(f"observed:{name}") for name in "ABCD"]
    sharing = Sharing([*observed, "tests/e2e/test_a.py::a", "tests/e2e/test_b.py::b"], workers)

    given = [sharing.give(worker) for worker in workers]
    assert [part.startswith(SCENARIOS) for part in given] == [True] * OBSERVED_AT_ONCE + [False] * 2

    sharing.finish(workers[0])
    assert sharing.give(workers[0]) == f"{SCENARIOS}[observed:C]"
    assert sharing.give(workers[2]) == f"{SCENARIOS}[observed:D]", "there is nothing else left"


@pytest.mark.parametrize(
    ("expression", "only"),
    [
        ("alone", True),
        ("scenario and alone", True),
        ("", False),
        ("not alone", False),
        ("scenario and not alone", False),
        ("not scenario and alone", False),
        ("fault or alone", False),
        ("fault or scenario and alone", False),
    ],
)
def test_only_files_with_tests_that_run_alone_are_read_where_no_others_run(
    expression: str, only: bool
) -> None:
    assert wants_only_those_alone(expression) is only
