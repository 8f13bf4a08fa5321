"""The parts that tests are made of: each starts one real system, or says why it cannot."""

pytest_plugins: list[str] = [
    "tests.parts.docker_engine",
    "tests.parts.listeners",
    "tests.parts.postgres_server",
    "tests.parts.supervisor",
]
