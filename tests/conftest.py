"""The parts that tests are made of: each starts one real system, or says why it cannot."""

import gc
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # a busy machine is no failure
settings.load_profile("no deadline")

signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts in the background is deaf to Ctrl-C

gc.disable()  # until all tests are collected: each of several workers makes thousands, and none is garbage

pytest_plugins: list[str] = [
    "tests.parts.servers.docker_engine",
    "tests.parts.servers.listeners",
    "tests.parts.servers.postgres_server",
    "tests.parts.servers.supervisor",
    "tests.parts.machine.systemd",
    "tests.parts.sharing",
]


def pytest_collection_finish() -> None:
    """What was collected stays: no later collection of garbage has to look at it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command that a test ran in this process sends the log to the standard error of that test."""
    yield
    structlog.reset_defaults()
