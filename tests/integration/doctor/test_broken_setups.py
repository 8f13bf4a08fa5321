"""Setups that are broken in one way each: doctor names it with its cure, and its exit code tells the kind."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer

from activities.doctor.examine import examined
from activities.doctor.secrets import malformed
from activities.managers import Managers
from activities.people.keys import SigningKeys
from console.checks.doctor import code_of
from console.checks.seen import merged
from console.output import Exit
from models.configuration.configuration import Configuration
from models.examined import Check, Grade, Kind
from tests.parts.outside.private_ca import private_ca
from tests.parts.outside.variables import variables
from tests.parts.servers.docker_engine import MakeContainer
from tests.parts.servers.postgres_server import PostgresServer
from tests.parts.servers.sockets import closed_port
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord

UNSET = "RUNBOOKS_TEST_IS_NEVER_SET"
KEY = "0123456789abcdef0123456789abcdef"
ALERTMANAGER = {
    "cluster": {"status": "ready"},
    "versionInfo": {"version": "0.28.1"},
    "uptime": "2026-01-01T00:00:00Z",
}


@dataclass(frozen=True)
class Setup:
    """A configuration as in the file, with what it names."""

    directory: Path
    http: HTTPServer
    content: dict[str, Any]

    @property
    def backend(self) -> dict[str, Any]:
        service: dict[str, Any] = self.content["services"]["backend"]
        return service

    def secret(self, text: str) -> dict[str, str]:
        path = self.directory / f"secret-{len(list(self.directory.iterdir()))}"
        path.write_text(text)
        return {"file": str(path)}

    async def checks(self) -> list[Check]:
        configuration = Configuration.of(self.content, ())
        async with httpx.AsyncClient(trust_env=False) as http:
            return await examined(configuration, None, http, Managers())


@pytest.fixture
def setup(
    tmp_path: Path,
    httpserver: HTTPServer,
    start_supervisord: StartSupervisord,
    postgres_server: PostgresServer,
) -> Setup:
    """One of which doctor has nothing to say."""
    socket = str(start_supervisord(backend=SLEEPS, worker=SLEEPS).socket)
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    httpserver.expect_request("/prometheus/-/ready").respond_with_data("ready")
    httpserver.expect_request("/alertmanager/api/v2/status").respond_with_json(ALERTMANAGER)
    httpserver.expect_request("/alertmanager/api/v2/alerts").respond_with_json([])
    made = Setup(tmp_path, httpserver, {})
    script = tmp_path / "roll-back"
    script.write_text("#!/bin/sh\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "logs").mkdir()
    backend = {
        "manager": {"kind": "supervisord", "program": "backend", "socket": socket},
        "health": {"url": httpserver.url_for("/health")},
        "database": {"url": made.secret(f"{prisma(postgres_server.url())}\n")},
        "env_file": str(tmp_path / ".env"),
        "clean_up": {"directory": str(tmp_path / "logs")},
        "rollback": {"command": ["./roll-back"], "directory": str(tmp_path), "environment": ["PATH"]},
    }
    made.content.update(
        services={"backend": backend},
        escalation={"any-alert": ["on-call"]},
        contacts={"on-call": ["pager"]},
        channels={"pager": {"kind": "pagerduty", "routing_key": made.secret(KEY)}},
        systems={
            "prometheus": httpserver.url_for("/prometheus"),
            "alertmanager": httpserver.url_for("/alertmanager"),
        },
        directories={"state": str(tmp_path / "state"), "reviews": str(tmp_path / "reviews")},
        approvals={"temporal_ui": False},
    )
    SigningKeys(lambda: Configuration.of(made.content, ())).make_if_missing()
    return made


def prisma(url: str) -> str:
    """As Prisma writes a connection string: a healthy database must not be a problem because of it."""
    return f"{url}{'&' if '?' in url else '?'}schema=public&connection_limit=5&pool_timeout=10"


async def test_a_whole_setup_with_a_connection_string_of_prisma_has_no_problem(setup: Setup) -> None:
    checks = await setup.checks()
    assert [one for one in checks if one.grade is not Grade.OK] == []
    assert code_of(checks) is Exit.DONE
    assert {"program backend of backend", "PostgreSQL of backend", "contact on-call"} <= {
        one.name for one in checks
    }


def _program(setup: Setup) -> None:
    setup.backend["manager"]["program"] = "bakend"


def _no_supervisord(setup: Setup) -> None:
    setup.backend["manager"]["socket"] = "/nonexistent/supervisor.sock"


def _no_such_field(setup: Setup) -> None:
    setup.backend["health"]["field"] = "state"


def _nobody_answers(setup: Setup) -> None:
    setup.backend["health"]["url"] = f"http://127.0.0.1:{closed_port()}/health"


def _no_database(setup: Setup) -> None:
    setup.backend["database"]["url"] = setup.secret(f"postgres://a:b@127.0.0.1:{closed_port()}/x")


def _wrong_password(setup: Setup) -> None:
    good = Path(setup.backend["database"]["url"]["file"]).read_text().strip()
    before, at, after = good.rpartition("@")
    setup.backend["database"]["url"] = setup.secret(f"{before}-no{at}{after}")


def _no_token_file(setup: Setup) -> None:
    nowhere = {"file": str(setup.directory / "no-such-token")}
    setup.backend["sentry"] = {"organization": "we", "project": "backend", "token": nowhere}


def _quoted(setup: Setup) -> None:
    setup.content["channels"]["pager"]["routing_key"] = setup.secret(f'"{KEY}"\n')


def _unset(setup: Setup) -> None:
    setup.content["channels"]["pager"]["routing_key"] = {"env": UNSET}


def _another_kind(setup: Setup) -> None:
    webhook = setup.secret("https://discord.com/api/webhooks/1/abc")
    setup.content["channels"]["pager"] = {"kind": "slack", "webhook": webhook}


def _cut_short(setup: Setup) -> None:
    setup.content["channels"]["pager"]["routing_key"] = setup.secret(KEY[:-2])


def _nobody_to_page(setup: Setup) -> None:
    setup.content["contacts"]["on-call"] = []


def _linked_env_file(setup: Setup) -> None:
    link = setup.directory / "linked.env"
    link.symlink_to(setup.directory / ".env")
    setup.backend["env_file"] = str(link)


def _linked_directory(setup: Setup) -> None:
    link = setup.directory / "linked-logs"
    link.symlink_to(setup.directory / "logs")
    setup.backend["clean_up"]["directory"] = str(link)


def _no_variable(setup: Setup) -> None:
    setup.backend["rollback"]["environment"] = [UNSET]


def _no_script(setup: Setup) -> None:
    setup.backend["rollback"]["command"] = ["./roll-bakc"]


def _no_prometheus(setup: Setup) -> None:
    setup.content["systems"]["prometheus"] = f"http://127.0.0.1:{closed_port()}"


def _no_alertmanager(setup: Setup) -> None:
    """Something else answers at its address."""
    setup.http.expect_request("/grafana/api/v2/status").respond_with_json({"login": "please"})
    setup.content["systems"]["alertmanager"] = setup.http.url_for("/grafana")


def _no_signing_key(setup: Setup) -> None:
    setup.content["directories"]["state"] = str(setup.directory / "elsewhere")


def _short_signing_key(setup: Setup) -> None:
    setup.content["approvals"]["keys"] = [setup.secret(KEY[:-1])]


BROKEN: list[tuple[Callable[[Setup], None], str, str, str, Exit]] = [
    (_program, "program bakend of backend", "did you mean backend", "manager.program", Exit.USAGE),
    (_no_supervisord, "program backend of backend", "does not exist", "set manager.socket", Exit.UNREACHABLE),
    (_no_such_field, "health of backend", "no field 'state'", "services.backend.health", Exit.USAGE),
    (_nobody_answers, "health of backend", "refused", "health.url", Exit.UNREACHABLE),
    (_no_database, "PostgreSQL of backend", "refused", "database.url", Exit.UNREACHABLE),
    (_wrong_password, "PostgreSQL of backend", "password", "database.url", Exit.USAGE),
    (_no_token_file, "secret services.backend.sentry.token", "no-such-token", "sentry.token", Exit.USAGE),
    (_quoted, "channel pager", "quotes around it", "channels.pager", Exit.USAGE),
    (_unset, "contact on-call", "its only channel, pager, cannot send", "another channel", Exit.USAGE),
    (_another_kind, "channel pager", "webhook of another kind: write kind: discord", "pager", Exit.USAGE),
    (_cut_short, "channel pager", "has 32 letters and digits", "channels.pager", Exit.USAGE),
    (_nobody_to_page, "contact on-call", "it has no channel", "contacts.on-call", Exit.USAGE),
    (_linked_env_file, "env file of backend", "symbolic link", "without links", Exit.USAGE),
    (_linked_directory, "clean-up of backend", "symbolic link", "without links", Exit.USAGE),
    (_no_variable, "rollback of backend", f"{UNSET} is not set", "rollback.environment", Exit.USAGE),
    (_no_script, "rollback of backend", "no program ./roll-bakc", "services.backend.rollback", Exit.USAGE),
    (_no_signing_key, "signing key", "cannot read", "a worker makes it", Exit.USAGE),
    (_short_signing_key, "signing key", "too short: it needs 32", "approvals.keys", Exit.USAGE),
    (_no_prometheus, "Prometheus", "refused", "systems.prometheus", Exit.UNREACHABLE),
    (_no_alertmanager, "Alertmanager", "not that of Alertmanager", "systems.alertmanager", Exit.UNREACHABLE),
]


@pytest.mark.parametrize(
    ("breaks", "name", "problem", "cure", "code"), BROKEN, ids=[one[0].__name__[1:] for one in BROKEN]
)
async def test_a_broken_setup_is_named_with_its_cure(
    setup: Setup, breaks: Callable[[Setup], None], name: str, problem: str, cure: str, code: Exit
) -> None:
    breaks(setup)
    checks = await setup.checks()
    (named,) = [one for one in checks if one.name == name]
    said = f"{named.problem} {named.cure}"
    assert (named.grade, problem in said, cure in said) == (Grade.PROBLEM, True, True), named
    assert code_of(checks) is code


async def test_without_a_signing_key_all_is_raw_which_needs_attention_where_raw_will_do(setup: Setup) -> None:
    _no_signing_key(setup)
    setup.content["approvals"]["temporal_ui"] = True
    checks = {one.name: one for one in await setup.checks()}
    assert checks["signing key"].grade is Grade.ATTENTION
    assert "what people say through it is raw" in checks["signing key"].cure
    setup.content["approvals"]["approvers"] = ["ada"]
    checks = {one.name: one for one in await setup.checks()}
    assert checks["signing key"].grade is Grade.PROBLEM


async def test_approvers_beside_raw_decisions_need_attention(setup: Setup) -> None:
    setup.content["approvals"] |= {"approvers": ["ada"], "temporal_ui": True}
    named = {one.name: one for one in await setup.checks()}["approvers"]
    assert (named.grade, "a raw one" in named.problem) == (Grade.ATTENTION, True)
    assert "approvals.temporal_ui: false" in named.cure
    for more in ({"temporal_ui": False}, {"temporal_ui": True, "approvers": []}):
        setup.content["approvals"] |= more
        assert {one.name: one.grade for one in await setup.checks()}["approvers"] is Grade.OK


async def test_a_container_of_another_name_is_named_with_the_nearest_one(
    setup: Setup, make_container: MakeContainer
) -> None:
    there = str(make_container(SLEEPS).name)
    setup.backend["manager"] = {"kind": "docker", "container": f"{there}x"}
    (named,) = [one for one in await setup.checks() if one.name == f"container {there}x of backend"]
    assert (named.grade, named.kind) == (Grade.PROBLEM, Kind.MISTAKE)
    assert f"did you mean {there}" in named.problem


async def test_a_service_that_is_not_well_is_no_mistake_of_the_setup(setup: Setup) -> None:
    setup.http.expect_request("/ill").respond_with_json({"status": "down"}, status=503)
    setup.backend["health"]["url"] = setup.http.url_for("/ill")
    checks = await setup.checks()
    assert {one.name: one.grade for one in checks}["health of backend"] is Grade.ATTENTION
    assert code_of(checks) is Exit.DONE


async def test_a_second_channel_makes_an_unset_one_a_matter_of_attention(setup: Setup) -> None:
    setup.content["channels"]["chat"] = {"kind": "slack", "webhook": {"env": UNSET}}
    setup.content["contacts"]["on-call"] = ["chat", "pager"]
    checks = {one.name: one.grade for one in await setup.checks()}
    assert (checks["channel chat"], checks["contact on-call"]) == (Grade.ATTENTION, Grade.OK)


@pytest.mark.parametrize("form", ["'{}'", '"{}"', "“{}”", "<{}>", "changeme", "a\nb"])
def test_what_editors_and_shells_leave_in_a_secret_is_named_and_never_repeated(form: str) -> None:
    said = malformed(form.format("s3cr3t-value"), "$TOKEN")
    assert said.startswith("$TOKEN ")
    assert "s3cr3t" not in said
    assert malformed("s3cr3t-value", "$TOKEN") == ""


def test_what_only_this_place_lacks_is_no_problem_where_a_worker_has_it() -> None:
    lacks = Check(name="Docker", ok=False, problem="no socket", cure="start it", seen_from="here")
    has = Check(name="Docker", ok=True, seen_from="worker")
    assert [(one.seen_from, one.grade) for one in merged([lacks, has])] == [
        ("here", Grade.ATTENTION),
        ("worker", Grade.OK),
    ]
    both = merged([lacks, lacks.model_copy(update={"seen_from": "worker"})])
    assert [(one.seen_from, one.grade) for one in both] == [("here, worker", Grade.PROBLEM)]
    reverse = merged(
        [has.model_copy(update={"seen_from": "here"}), lacks.model_copy(update={"seen_from": "worker"})]
    )
    assert code_of(reverse) is Exit.UNREACHABLE


async def test_certificates_that_cannot_be_read_are_named(setup: Setup) -> None:
    (broken := setup.directory / "no.pem").write_text("this is no certificate")
    for path in (broken, setup.directory / "nowhere.pem"):
        with variables(SSL_CERT_FILE=str(path)):
            [told] = [one for one in await setup.checks() if one.name == "certificates"]
        assert (told.grade, told.kind) == (Grade.PROBLEM, Kind.MISTAKE)
        assert "SSL_CERT_FILE holds no certificates that can be read (" in told.problem
    with variables(SSL_CERT_FILE=str(private_ca(setup.directory, "hooks.example.com").ca_file)):
        assert [one.ok for one in await setup.checks() if one.name == "certificates"] == [True]
