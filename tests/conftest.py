"""The parts that tests are made of: each starts one real system, or says why it cannot."""

pytest_plugins: list[str] = [
    "tests.parts.servers.docker_engine",
    "tests.parts.servers.listeners",
    "tests.parts.servers.postgres_server",
    "tests.parts.servers.supervisor",
    "tests.parts.sharing",
]
