"""The configuration file: what is refused, how it is said, and what an edit does meanwhile."""

from __future__ import annotations

import re
import textwrap
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.actions.change import Risk
from models.actions.kinds import kinds
from models.configuration.configuration import Configuration
from models.service.service import LogScan
from runtime import settings
from runtime.file.source import LARGEST_FILE
from runtime.settings import ConfigurationError, ConfigurationFile

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "runbooks.yaml"

GOOD = """
    services:
      backend:
        manager: {kind: docker, container: shop-backend}
        aliases: [shop]
        depends_on: [cache]
      cache:
        manager: {kind: docker, container: shop-cache}
        depends_on: [disk]
      disk:
        manager: {kind: supervisord, program: disk, socket: /run/supervisor.sock}
    alerts:
      ServiceDown: {severity: critical, topic: down}
      CacheDown: {runbook: ServiceDown, service: cache}
      CacheSlow: {service: cache}
    escalation:
      any-alert: [on-call]
      down: [on-call, {role: cto, after: 20m}]
    contacts: {on-call: [log], cto: []}
    specialists: {database: cto}
    broadcast: [log]
    channels: {log: {kind: log}}
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "runbooks.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def loaded(directory: Path, text: str) -> Configuration:
    return settings.load(written(directory, text), {})


def refused(directory: Path, text: str) -> list[str]:
    """What is said about a file, without its path: `12: key: text`."""
    path = written(directory, text)
    with pytest.raises(ConfigurationError) as caught:
        settings.load(path, {})
    for line in caught.value.lines:
        assert line.startswith(f"{path}:")
    assert str(caught.value) == "\n".join(caught.value.lines)
    return [line.removeprefix(f"{path}:") for line in caught.value.lines]


def test_the_shipped_file_is_good() -> None:
    shipped = settings.load(SHIPPED, {})
    assert {"backend", "postgres"} <= set(shipped.services)
    assert len(shipped.alerts) == 11
    assert shipped.runbook_for("ServiceDown") == "ServiceDown"


def test_the_shipped_file_describes_the_whole_stack() -> None:
    shipped = settings.load(SHIPPED, {})
    backend, postgres = shipped.services["backend"], shipped.services["postgres"]
    assert backend.videos
    assert backend.videos.workflows, "a failed workflow that makes no videos would be tried again"
    assert backend.metrics is not None
    assert backend.metrics.prometheus == "http://localhost:9090"
    assert set(backend.providers) == {"openai", "anthropic", "pika", "elevenlabs"}
    assert backend.sentry is not None
    assert backend.sentry.token.env == "RUNBOOKS_SENTRY_TOKEN"
    assert backend.temporal is not None
    assert (backend.temporal.address, backend.temporal.ui) == ("localhost:7233", "http://localhost:8233")
    assert backend.degradation is not None
    assert backend.degradation.on.body != backend.degradation.off.body
    assert backend.pool is not None
    assert (backend.env_file, backend.pool.key, backend.pool.value) == (
        ".env",
        "PRISMA_DATABASE_URL_POOL_SIZE",
        50,
    )
    assert postgres.is_database
    assert postgres.clean_up is not None
    assert shipped.rule("DatabaseConnectionFailure").risks == {"set-environment": Risk.DANGEROUS}


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("Error: listen EADDRINUSE: address already in use :::3000", "port-in-use"),
        (
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "out-of-memory",
        ),
        ("P1001: Can't reach database server at `postgres:5432`", "database-lost"),
        ("FATAL:  sorry, too many clients already", "database-lost"),
        (
            "Timed out fetching a new connection from the connection pool. (Current connection pool "
            "timeout: 10, connection limit: 5)",
            "pool-exhausted",
        ),
        ("Error: timeout exceeded when trying to connect", "pool-exhausted"),
        ("Database connection pool exhausted", "pool-exhausted"),
        ("P1000: Authentication failed against database server at `postgres`", "wrong-credentials"),
        ('FATAL:  password authentication failed for user "app"', "wrong-credentials"),
        ("circuit breaker for openai is open", "circuit-open"),
        ("could not write to file: No space left on device", "disk-full"),
        ("GET /api/products 200 in 12 ms", None),
        ("pool: 3 of 50 connections in use", None),
        ("connected to the database", None),
    ],
)
def test_the_log_patterns_know_their_lines(line: str, pattern: str | None) -> None:
    found = {name for name, expression in LogScan().patterns.items() if re.search(expression, line)}
    assert found == ({pattern} if pattern else set())


def test_on_and_off_are_words(tmp_path: Path) -> None:
    """YAML before 1.2 read a bare `on` as true."""
    good = loaded(
        tmp_path,
        """\
        services:
          a:
            manager: {kind: docker, container: a}
            degradation:
              on: {url: "http://localhost/on"}
              off: {url: "http://localhost/off"}
        """,
    )
    degradation = good.services["a"].degradation
    assert degradation is not None
    assert (degradation.on.url, degradation.off.url) == ("http://localhost/on", "http://localhost/off")


def test_every_key_is_explained() -> None:
    page = (ROOT / "docs" / "configure.md").read_text(encoding="utf-8")
    schema = Configuration.model_json_schema()
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", ())}
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    explained = set(re.findall(r"[a-z_][a-z_0-9]*", " ".join(re.findall(r"`[^`]+`", prose))))
    assert keys - explained - {"name"} == set()


def test_a_good_file(tmp_path: Path) -> None:
    good = loaded(tmp_path, GOOD)
    assert good.services["cache"].name == "cache"
    assert good.escalation["down"][1].after == timedelta(minutes=20)
    assert [service.name for service in good.dependencies_of("backend")] == ["cache", "disk"]


def test_which_runbook_an_alert_goes_to(tmp_path: Path) -> None:
    good = loaded(tmp_path, GOOD)
    names = ("ServiceDown", "CacheDown", "CacheSlow", "NeverHeardOf")
    assert [good.runbook_for(name) for name in names] == [
        "ServiceDown",
        "ServiceDown",
        "AnyAlert",
        "AnyAlert",
    ]


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "backend"}, "backend"),
        ({"job": "shop"}, "backend"),
        ({"service": "cache", "job": "backend"}, "cache"),
        ({"service": "", "app": "disk"}, "disk"),
        ({"service": "payments", "job": "backend"}, "payments"),
        ({"service": "../../etc/passwd"}, "etc-passwd-3754d6cb"),
        ({"service": "Shop Front"}, "shop-front-11258b16"),
        ({"service": "", "app": "", "job": ""}, "unknown"),
        ({"instance": "backend:3000", "pod": "backend"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_labels_name_a_service_and_nothing_is_guessed(
    tmp_path: Path, labels: dict[str, str], service: str
) -> None:
    assert loaded(tmp_path, GOOD).service_named("ServiceDown", labels) == service


def test_a_rule_names_the_service_only_where_labels_are_silent(tmp_path: Path) -> None:
    good = loaded(tmp_path, GOOD)
    assert good.service_named("CacheSlow", {}) == "cache"
    assert good.service_named("CacheSlow", {"service": "payments"}) == "payments"


def test_every_mistake_has_a_line_a_key_and_a_cure(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        """\
        services:
          backend:
            manager: {kind: docker, container: x, progam: y}
            helth: {url: "http://localhost"}
          other:
            manager: {kind: podman, container: x}
          two:
            manager: {container: x}
            health: {url: "http://localhost", every: soon}
            depends_on: 7
        alerts:
          ServiceDown: {severity: fatal}
          "bad name": {}
        chanels: {}
        """,
    )
    assert lines == [
        "3: services.backend.manager.progam: there is no such key; known: container, kind, stop_timeout",
        "4: services.backend.helth: there is no such key; did you mean health?",
        "6: services.other.manager: there is no such kind: must be one of 'docker', 'supervisord', 'systemd'",
        "8: services.two.manager: the kind is missing: add the key 'kind'",
        "9: services.two.health.every: 'soon' is not a duration: write it like 30s, 5m, 4h or 1h30m",
        "10: services.two.depends_on: must be a valid tuple",
        "12: alerts.ServiceDown.severity: must be 'critical', 'warning' or 'info'",
        "13: alerts.bad name: this does not have the form ^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$",
        "14: chanels: there is no such key; did you mean channels?",
    ]


def test_what_makes_videos_is_one_of_the_providers(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        """\
        services:
          backend:
            manager: {kind: docker, container: x}
            providers: {pika: {url: "https://api.pika.art"}}
            videos: {providers: [pica]}
        """,
    )
    assert lines == [
        "5: services.backend.videos.providers[0]: there is no provider of this service 'pica';"
        " did you mean pika?"
    ]


def test_every_name_must_lead_somewhere(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        """\
        services:
          backend:
            manager: {kind: docker, container: x}
            aliases: [cache]
            depends_on:
              - cach
          cache: {manager: {kind: docker, container: x}}
        alerts:
          ServiceDown: {runbook: ServicDown, topic: dwn, service: bakend, risks: {restart-servic: safe}}
        risks: {explode: safe}
        escalation:
          down: [on-cal]
        contacts: {on-call: [slak]}
        specialists: {database: dba}
        broadcast: [slack]
        """,
    )
    assert lines == [
        "4: services.backend.aliases[0]: 'cache' already names the service 'cache': remove one of them",
        "6: services.backend.depends_on[0]: there is no service 'cach'; did you mean cache?",
        "9: alerts.ServiceDown.runbook: there is no runbook 'ServicDown'; did you mean ServiceDown?",
        "9: alerts.ServiceDown.service: there is no service 'bakend'; did you mean backend?",
        "9: alerts.ServiceDown.topic: there is no row of escalation 'dwn'; did you mean down?",
        "9: alerts.ServiceDown.risks.restart-servic: there is no kind of action 'restart-servic'; "
        "did you mean restart-service?",
        f"10: risks.explode: there is no kind of action 'explode'; known: {', '.join(sorted(kinds()))}",
        "11: escalation: the row 'any-alert' is missing, so some alerts would page nobody: add it",
        "12: escalation.down[0]: there is no role of contacts 'on-cal'; did you mean on-call?",
        "13: contacts.on-call[0]: there is no channel 'slak'; known: none yet",
        "14: specialists.database: there is no role of contacts 'dba'; known: on-call",
        "15: broadcast[0]: there is no channel 'slack'; known: none yet",
    ]


def test_services_may_not_wait_for_one_another(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        """\
        services:
          a: {manager: {kind: docker, container: a}, depends_on: [b]}
          b: {manager: {kind: docker, container: b}, depends_on: [c]}
          c: {manager: {kind: docker, container: c}, depends_on: [b]}
          d: {manager: {kind: docker, container: d}, depends_on: [d]}
        """,
    )
    assert lines == [
        "3: services.b.depends_on: these services depend on one another: b → c → b; remove one dependency",
        "5: services.d.depends_on: these services depend on one another: d → d; remove one dependency",
    ]


@pytest.mark.parametrize(
    "pasted",
    [
        "{kind: slack, webhook: hunter2secret}",
        "{kind: slack, webhook: {env: hunter2secret}}",
        "{kind: slack, webhook: {value: hunter2secret}}",
        "{kind: slack, webhook: {env: A, file: hunter2secret}}",
        "{kind: slack, webhook: [hunter2secret]}",
    ],
)
def test_a_pasted_secret_is_refused_and_not_repeated(tmp_path: Path, pasted: str) -> None:
    (line,) = refused(tmp_path, f"channels:\n  slack: {pasted}\n")
    assert line.startswith("2: channels.slack.webhook")
    assert "hunter2secret" not in line


def test_a_pasted_secret_says_how_to_name_it(tmp_path: Path) -> None:
    (as_text, as_name) = refused(
        tmp_path,
        """\
        channels:
          slack: {kind: slack, webhook: hunter2}
          discord: {kind: discord, webhook: {env: hunter2}}
        """,
    )
    assert as_text.endswith("name its variable (env: NAME) or file (file: PATH)")
    assert as_name.endswith("the name of a variable, in capitals, and never the secret itself")


def test_an_address_with_a_password_is_refused_and_not_repeated(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        """\
        systems: {grafana: "http://admin:hunter2secret@localhost:3002"}
        """,
    )
    assert lines == ["1: systems.grafana: an address must not hold a user or password: remove them"]


@pytest.mark.parametrize(
    "pairs",
    [
        "a: hunter2secret, a: 2",
        "a: hunter2secret, 'a': 2",
        "a: hunter2secret, ? a : 2",
        "a: hunter2secret, a",
        "1: hunter2secret, 0x1: 2",
        "yes: hunter2secret, true: 1, True: 2",
        "&key a: hunter2secret, *key : 2",
        "[a]: hunter2secret, [a]: 2",
        "~: hunter2secret, null: 2",
    ],
)
@pytest.mark.parametrize("beside", ["", "<<: *shared, "], ids=["alone", "beside-a-merge"])
def test_equal_keys_on_one_line_are_refused_and_their_values_not_repeated(
    tmp_path: Path, pairs: str, beside: str
) -> None:
    (line,) = refused(tmp_path, f"shared: &shared {{z: 0}}\nservices: [{{{beside}{pairs}}}]\n")
    assert line.startswith("2: ")
    assert line.endswith(": duplicate key, first on line 2: keep one of them")
    assert "hunter2secret" not in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: the file must be a mapping"),
        ("- one\n- two\n", "1: the file must be a mapping"),
        ("alerts: {}\nservices:\n\t- x\n", "3: this is not YAML: found character '\\t'"),
        ("alerts: {\n", "2: this is not YAML: "),
        ("alerts: !!python/object:os.system {}\n", "1: this is not YAML: could not determine a constructor"),
        ("alerts: {}\nrisks: {}\nalerts: {}\n", "3: alerts: duplicate key, first on line 1"),
        ("alerts: {a: {}, a: {}}\n", "1: a: duplicate key, first on line 1"),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  b: 1\n  b: 2\n", "5: b: duplicate key, first on line 4"),
        ("a: &a {b: *a}\n", "1: an anchor contains itself"),
        ("x: \x07\n", "1: there is a control character"),
        (f"x: {'[' * 5000}{']' * 5000}\n", "1: the file is nested too deeply"),
        ("x: 2026-02-31\n", "1: a date or a number is invalid"),
    ],
)
def test_a_file_that_is_not_a_configuration(tmp_path: Path, text: str, said: str) -> None:
    (line,) = refused(tmp_path, text)
    assert line.startswith(said)


def test_aliases_that_unfold_without_end_are_refused(tmp_path: Path) -> None:
    rows = ["x0: &x0 [a, a, a, a, a, a, a, a, a]"]
    rows += [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 12)]
    (line,) = refused(tmp_path, "\n".join(rows))
    assert "the aliases expand to more than 100000 nodes" in line


def test_a_few_aliases_are_welcome(tmp_path: Path) -> None:
    good = loaded(
        tmp_path,
        """\
        services:
          a: &usual {manager: {kind: docker, container: a}}
          b: {<<: *usual, port: 80}
        """,
    )
    assert good.services["b"].port == 80
    assert good.services["b"].name == "b"


def test_a_mistake_beside_a_merge_has_its_own_line(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        """\
        services:
          a: &usual {manager: {kind: docker, container: a}, port: 80}
          b:
            <<: *usual
            port: none
        """,
    )
    assert [line.partition(": must")[0] for line in lines] == ["5: services.b.port"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"services: {}\nrisks: {a\xff: safe}\n")
    (tmp_path / "large").write_bytes(b"#" * (LARGEST_FILE + 1))
    said = {
        "absent": ": there is no such file: name another with --config or RUNBOOKS_CONFIG",
        ".": ": this is not a file",
        "latin": ":2: this is not UTF-8",
        "large": ": it is larger than 1 MiB",
    }
    for name, text in said.items():
        with pytest.raises(ConfigurationError) as caught:
            settings.load(tmp_path / name, {})
        assert str(caught.value).startswith(f"{tmp_path / name}{text}")


def test_the_environment_names_the_file_and_the_token(tmp_path: Path) -> None:
    assert settings.path_of(None, {}) == Path("runbooks.yaml")
    assert settings.path_of(None, {"RUNBOOKS_CONFIG": "/etc/a.yaml"}) == Path("/etc/a.yaml")
    assert settings.path_of(Path("b.yaml"), {"RUNBOOKS_CONFIG": "/etc/a.yaml"}) == Path("b.yaml")

    path = written(tmp_path, "intake: {token: {env: INTAKE}, port: 1}\n")
    intake = settings.load(path, {"RUNBOOKS_INTAKE_TOKEN_FILE": "/run/token"}).intake
    assert intake.token is not None
    assert (intake.token.file, intake.token.env, intake.port) == ("/run/token", None, 1)


def test_an_edit_is_taken_up(tmp_path: Path) -> None:
    configuration = ConfigurationFile(written(tmp_path, "service_labels: [one]\n"), {})
    before = configuration()
    assert configuration() is before
    written(tmp_path, "service_labels: [two]\n")
    assert configuration().service_labels == ("two",)
    assert before.service_labels == ("one",)


def test_a_broken_or_deleted_file_leaves_the_last_good_one_in_force(tmp_path: Path) -> None:
    path = written(tmp_path, "service_labels: [one]\n")
    configuration = ConfigurationFile(path, {})
    good = configuration()

    with capture_logs() as said:
        written(tmp_path, "service_labels: [two]\nservics: {}\n")
        assert [configuration() for _ in range(3)] == [good] * 3
        assert configuration.problem == f"{path}:2: servics: there is no such key; did you mean services?"

        path.unlink()
        assert configuration() == configuration() == good
        assert "there is no such file" in configuration.problem

        written(tmp_path, "service_labels: [two]\nservics: {}\n")
        assert configuration() == good
        assert "did you mean services?" in configuration.problem

        written(tmp_path, "service_labels: [one]\n")
        assert configuration() == good
        assert configuration.problem == ""

    assert [line["log_level"] for line in said] == ["error", "error", "error", "info"]


class Environment(dict[str, str]):
    """Counts how often it is asked, which is once whenever a file is parsed."""

    asked = 0

    def get(self, *key: Any) -> Any:
        self.asked += 1
        return super().get(*key)


def test_a_file_that_was_refused_is_not_parsed_again(tmp_path: Path) -> None:
    environment = Environment()
    configuration = ConfigurationFile(written(tmp_path, "service_labels: [one]\n"), environment)
    written(tmp_path, "servics: {}\n")
    before = environment.asked
    for _ in range(3):
        configuration()
    assert configuration.problem
    assert environment.asked == before + 1


def test_the_first_file_must_be_good(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        ConfigurationFile(tmp_path / "absent.yaml", {})


def test_what_a_check_may_start_is_named_with_its_line(tmp_path: Path) -> None:
    checks = """
    checks:
      tell: [lgo]
      start:
        helth: ServiceDown
        p95: CacheSlwo
        cost: CacheDown
      monthly:
        forecasts:
          videos: {cach: {made: "videos[$window]", at_most: 5}}
    """
    lines = refused(tmp_path, GOOD + checks)
    assert [line.partition(": ")[2] for line in lines] == [
        "checks.tell[0]: there is no channel 'lgo'; did you mean log?",
        "checks.start.helth: there is no kind of item about a service 'helth'; did you mean health?",
        "checks.start.p95: there is no alert in `alerts` 'CacheSlwo'; did you mean CacheSlow?",
        "checks.monthly.forecasts.videos.cach: there is no service 'cach'; did you mean cache?",
    ]
