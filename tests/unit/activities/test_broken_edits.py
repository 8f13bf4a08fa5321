"""Edits that once crashed what reads them, or that said more than they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.service.service import LONGEST_ROLL_BACK
from runtime import settings
from runtime.settings import ConfigurationError, ConfigurationFile
from tests.unit.runtime.test_settings import GOOD, loaded, refused, written

SECRET = "sekret123"


def service(**parts: str) -> str:
    """A file with one service, and these parts of it on line 4."""
    rest = ", ".join(f"{key}: {value}" for key, value in parts.items())
    return f"services:\n  a:\n    manager: {{kind: docker, container: a}}\n    {rest}\n"


def health(**keys: str) -> str:
    written_keys = {"url": '"http://localhost/health"'} | keys
    return service(health="{" + ", ".join(f"{key}: {value}" for key, value in written_keys.items()) + "}")


CRASHED = {
    "a duration without end": health(settle="999999999999d"),
    "a duration of 400 digits": health(settle=f'"{"9" * 400}m"'),
    "more than a year": health(settle="366d"),
    "more than a year, in seconds": health(settle=str(366 * 86400)),
    "a size of 400 digits": f'intake: {{max_body: "{"9" * 400}m"}}\n',
    "a repetition without end": service(logs="{patterns: {x: 'a{99999999999}'}}"),
    "3,000 parentheses": service(logs=f"{{patterns: {{x: '{'(' * 3000}{')' * 3000}'}}}}"),
    "no truth": "a: !!bool maybe\n",
    "no number": 'a: !!int ""\n',
    "a sign alone": 'a: !!int "-"\n',
    "no fraction": 'a: !!float ""\n',
    "no time": 'a: !!timestamp "abc"\n',
}


@pytest.mark.parametrize("text", CRASHED.values(), ids=CRASHED)
def test_an_edit_that_a_library_trips_over_leaves_the_last_good_file_in_force(
    tmp_path: Path, text: str
) -> None:
    path = written(tmp_path, GOOD)
    file = ConfigurationFile(path, {})
    good = file()
    written(tmp_path, text)
    assert file() is good
    line = 4 if text.startswith("services") else 1
    assert file.problem.startswith(f"{path}:{line}: ")
    assert len(file.problem) < len(str(path)) + 200, "it is a sentence, and not the value"


def test_a_value_that_is_not_its_tag_is_named_by_its_own_line(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, "alerts: {}\nservices:\n  a: !!bool maybe\n")
    assert line == "3: a date or a number is invalid: put it in quotes, without a tag"


def test_what_nobody_foresaw_names_the_file(tmp_path: Path) -> None:
    """The parser asks for the character of this number without a look at it."""
    path = written(tmp_path, 'a: "\\UFFFFFFFF"\n')
    with pytest.raises(ConfigurationError) as caught:
        settings.load(path, {})
    said = "it cannot be read (OverflowError): undo the last change"
    assert str(caught.value) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (health(settle="-5"), "health.settle: this must not be negative: write a time of 0s or more"),
        (health(settle="-P1D"), "health.settle: this must not be negative: write a time of 0s or more"),
        (health(settle="400d"), "health.settle: must be at most 365 days"),
        (health(every="0s"), "health.every: must be greater than 0: write it like 30s or 5m"),
        (health(timeout="0"), "health.timeout: must be greater than 0: write it like 30s or 5m"),
        (
            service(database="{url: {env: A}, timeout: 0s}"),
            "database.timeout: must be greater than 0: write it like 30s or 5m",
        ),
        (
            service(rollback="{command: [a], timeout: 0s}"),
            "rollback.timeout: must be greater than 0: write it like 30s or 5m",
        ),
        (
            service(rollback="{command: [a], timeout: 9m1s}"),
            "rollback.timeout: a rollback may take at most 9 min: write 9m or less, and a faster script",
        ),
        (
            service(providers="{x: {url: 'http://localhost', timeout: -1}}"),
            "providers.x.timeout: this must not be negative: write a time of 0s or more",
        ),
    ],
)
def test_durations_that_make_no_sense(tmp_path: Path, text: str, said: str) -> None:
    assert refused(tmp_path, text) == [f"4: services.a.{said}"]


@pytest.mark.parametrize("duration", ["0s", "365d", "0"])
def test_durations_at_the_edge(tmp_path: Path, duration: str) -> None:
    good = loaded(tmp_path, health(settle=duration))
    assert good.services["a"].health is not None


def test_a_rollback_may_take_as_long_as_its_step_lets_it(tmp_path: Path) -> None:
    script = loaded(tmp_path, service(rollback="{command: [a], timeout: 9m}")).services["a"].rollback
    assert script is not None
    assert script.timeout == LONGEST_ROLL_BACK


NO_PORT = "port must be 1 to 65535; or leave it out"
NO_ADDRESS = "this is not a web address: write it like http://localhost:9093"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:99999", NO_PORT),
        ("http://127.0.0.1:0", NO_PORT),
        ("http://127.0.0.1:http", NO_PORT),
        ("http://[::1", NO_ADDRESS),
        ("http://", NO_ADDRESS),
        ("ftp://localhost", NO_ADDRESS),
        ("http://local\\nhost", NO_ADDRESS),
        (f"http://user:{SECRET}@localhost", "an address must not hold a user or password: remove them"),
    ],
)
def test_addresses_that_nobody_can_answer_at(tmp_path: Path, address: str, said: str) -> None:
    text = f'systems: {{grafana: "{address}"}}\n'
    assert refused(tmp_path, text) == [f"1: systems.grafana: {said}"]
    assert refused(tmp_path, health(url=f'"{address}"')) == [f"4: services.a.health.url: {said}"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:99999", "localhost:9464", "127.0.0.1", "127.0.0.1:x", "1.2.3:80", "[::g]:80", "127.0.0.1:٣"],
)
def test_an_address_where_nothing_can_listen(tmp_path: Path, address: str) -> None:
    (line,) = refused(tmp_path, f'worker: {{metrics: "{address}"}}\n')
    assert line == (
        "1: worker.metrics: this is not an address to listen on: "
        "write an IP address and a port up to 65535, such as 127.0.0.1:9464"
    )


@pytest.mark.parametrize("address", ["127.0.0.1:9464", "0.0.0.0:0", "[::1]:65535"])
def test_an_address_to_listen_on(tmp_path: Path, address: str) -> None:
    assert loaded(tmp_path, f'worker: {{metrics: "{address}"}}\n').worker.metrics == address


@pytest.mark.parametrize(
    "text",
    [
        f"intake:\n  token: *{SECRET}\n",
        f"intake:\n  token: !{SECRET}\n",
        f"intake:\n  token: !{SECRET} x\n",
        f"intake:\n  token: !{SECRET}!x y\n",
        f"contacts:\n  a: ['https://hooks.slack.com/services/{SECRET}']\n",
        f"broadcast:\n  - 'https://hooks.slack.com/services/{SECRET}'\n",
        f"contacts: {{}}\nspecialists: {{database: 'https://{SECRET}'}}\n",
        f"contacts: {{a: []}}\nescalation: {{any-alert: ['https://{SECRET}']}}\n",
    ],
)
def test_what_may_be_a_secret_is_not_repeated(tmp_path: Path, text: str) -> None:
    (line,) = refused(tmp_path, text)
    assert line.startswith("2: ")
    assert SECRET not in line


def test_a_key_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    (unknown,) = refused(tmp_path, '"ev\\x1b[31mil\\nkey": 1\n')
    assert unknown.startswith("1: ev\\x1b[31mil\\nkey: there is no such key")
    (doubled,) = refused(tmp_path, '"a\\nb": {}\n"a\\nb": {}\n')
    assert doubled == "2: a\\nb: duplicate key, first on line 1: keep one of them"


def test_a_file_name_that_is_not_utf_8_can_be_said() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings.load(Path("\udcff.yaml"), {})
    assert caught.value.lines[0].startswith("\\udcff.yaml: there is no such file")
    str(caught.value).encode()


def test_labels_that_cannot_be_names_stay_apart(tmp_path: Path) -> None:
    good = loaded(tmp_path, GOOD)
    labels = ("Shop Front", "shop front", "shop/front", "-", "日本", "x" * 200, "x" * 201, "\ud800", "..")
    names = [good.service_named("ServiceDown", {"service": label}) for label in labels]
    assert len(set(names)) == len(labels)
    assert names[0].startswith("shop-front-")
    assert names[:2] == [good.service_named("Other", {"job": label}) for label in labels[:2]]
    assert all(0 < len(name) <= 63 for name in names)
    assert names[4] == "unknown-cf2abf0c"


@pytest.mark.parametrize("key", ["ask_again_after", "expire_after"])
def test_a_question_that_would_be_asked_without_end_is_refused(tmp_path: Path, key: str) -> None:
    (line,) = refused(tmp_path, f"approvals:\n  {key}: 0s\n")
    assert f"approvals.{key}" in line


def test_a_provider_without_a_possible_port_is_refused(tmp_path: Path) -> None:
    provider = '{openai: {url: "http://127.0.0.1:99999/status"}}'
    (line,) = refused(tmp_path, service(providers=provider))
    assert "port must be 1 to 65535" in line


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (service(links="{board: nowhere}"), "services.a.links.board"),
        (service(temporal="{address: 'localhost:7233', ui: nowhere}"), "services.a.temporal.ui"),
        ("channels:\n  a:\n    {kind: pagerduty, routing_key: {env: A}, url: nowhere}\n", "channels.a.url"),
        (
            "channels:\n  a:\n    {kind: discord-direct, token: {env: A}, user: '1', api: nowhere}\n",
            "channels.a.api",
        ),
    ],
)
def test_every_address_that_people_follow_is_one(tmp_path: Path, text: str, at: str) -> None:
    (line,) = refused(tmp_path, text)
    assert line.endswith(f"{at}: {NO_ADDRESS}")


NO_QUERY = (
    "a base address must not hold a query or fragment: remove ? or # and what follows; a secret goes into"
)
SHOWN = "this link would show a secret (a parameter such as token or sig): remove it"
SENTRY = f"{{organization: a, project: b, token: {{env: A}}, url: 'http://localhost?token={SECRET}'}}"


@pytest.mark.parametrize("end", [f"?token={SECRET}", "?", "/path?a=b", f"/#token={SECRET}", "#"])
@pytest.mark.parametrize("system", ["prometheus", "alertmanager", "grafana", "sentry"])
def test_a_base_address_with_a_query_or_fragment(tmp_path: Path, system: str, end: str) -> None:
    (line,) = refused(tmp_path, f'systems: {{{system}: "http://localhost:9090{end}"}}\n')
    assert line.startswith(f"1: systems.{system}: {NO_QUERY}")
    assert SECRET not in line


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (
            service(temporal="{address: 't:1', ui: 'http://localhost?a=b'}"),
            "services.a.temporal.ui",
        ),
        (service(sentry=SENTRY), "services.a.sentry.url"),
        (f"intake:\n  public_url: http://localhost?token={SECRET}\n", "intake.public_url"),
    ],
)
def test_every_base_address_is_without_a_query(tmp_path: Path, text: str, at: str) -> None:
    (line,) = refused(tmp_path, text)
    assert f"{at}: {NO_QUERY}" in line
    assert SECRET not in line


@pytest.mark.parametrize(
    "query",
    [f"?a=b&{name}={SECRET}" for name in ("token", "access_token", "client_secret", "password")]
    + [f"?sig={2 * SECRET}", f"?to%6ben={SECRET}", f"#access_token={SECRET}"],
)
def test_a_link_that_would_show_a_secret(tmp_path: Path, query: str) -> None:
    (line,) = refused(tmp_path, service(links=f"{{board: 'https://grafana.example.com/d/a{query}'}}"))
    assert f"services.a.links.board: {SHOWN}" in line
    assert SECRET not in line


def test_a_link_keeps_its_query(tmp_path: Path) -> None:
    link = "https://grafana.example.com/d/costs?orgId=1&from=now-7d&var-service=backend#panel-2"
    configuration = loaded(tmp_path, service(links=f"{{board: '{link}'}}"))
    assert configuration.services["a"].links == {"board": link}
