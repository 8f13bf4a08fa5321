"""The warnings of Node.js about too many listeners, as its versions write them."""

from __future__ import annotations

import pytest

from activities.memory.emitters import Emitter, emitters_in

LEAK = "MaxListenersExceededWarning: Possible EventEmitter memory leak detected."


@pytest.mark.parametrize(
    ("line", "emitter"),
    [
        (
            f"(node:12) {LEAK} 11 message listeners added to [RedisClient]. MaxListeners is 10. Use"
            " emitter.setMaxListeners() to increase limit",
            Emitter(name="RedisClient", event="message", listeners=11),
        ),
        (
            f"(node:12) {LEAK} 11 close listeners added to [TLSSocket]. Use emitter.setMaxListeners()",
            Emitter(name="TLSSocket", event="close", listeners=11),
        ),
        (
            f"(node:12) {LEAK} 101 drain listeners added. Use emitter.setMaxListeners()",
            Emitter(name="EventEmitter", event="drain", listeners=101),
        ),
        (
            "(node:9) MaxListenersExceededWarning: Possible EventTarget memory leak detected. 11 abort"
            " listeners added to [AbortSignal]. Use events.setMaxListeners() to increase limit",
            Emitter(name="AbortSignal", event="abort", listeners=11),
        ),
        (
            f'{{"level":"warn","msg":"{LEAK} 12 [Symbol(foo)] listeners added to [Bus]. Use"}}',
            Emitter(name="Bus", event="[Symbol(foo)]", listeners=12),
        ),
    ],
    ids=["node 20", "node 12", "node 10", "a signal", "in a JSON line"],
)
def test_the_emitter_the_event_and_the_count(line: str, emitter: Emitter) -> None:
    assert emitters_in([line]) == (emitter,)


def test_the_newest_warning_of_each_counts_and_the_most_listeners_come_first() -> None:
    lines = [
        f"{LEAK} {count} data listeners added to [{name}]. Use"
        for count, name in ((11, "Bus"), (11, "Socket"), (21, "Bus"))
    ]
    assert [(one.name, one.listeners) for one in emitters_in(lines)] == [("Bus", 21), ("Socket", 11)]


@pytest.mark.parametrize(
    "line",
    [
        "emitter.setMaxListeners(50)",
        "MaxListenersExceededWarning",
        "possible memory leak in cache",
        "x" * 10**5,
    ],
)
def test_what_only_speaks_of_it_is_no_warning(line: str) -> None:
    assert emitters_in([line]) == ()
