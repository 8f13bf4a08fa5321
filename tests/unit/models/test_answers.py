"""What may stand under `answer`, and what each mistake is told as."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.incidents.policy import policy_for
from models.actions.change import Risk
from models.answers.answer import Answer
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.service.service import DockerManager, Service
from runtime import settings
from workflows.runbooks.registry import NAMES

FILE = """\
services:
  web: {{manager: {{kind: docker, container: web}}}}
alerts:
  DiskFull:
    {rule}
    answer:
      {answer}
"""
LOOK = "look: [/bin/look]"


def mistakes(tmp_path: Path, answer: str, rule: str = "service: web") -> str:
    file = tmp_path / "runbooks.yaml"
    file.write_text(FILE.format(answer=answer.replace("\n", "\n      "), rule=rule))
    with pytest.raises(settings.ConfigurationError) as error:
        settings.load(file)
    return str(error.value).replace(f"{file}:", "")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("act: /bin/tidy now", "7: alerts.DiskFull.answer.act: must be restart, or a list of arguments"),
        (
            "act: [tidy]\n" + LOOK,
            "7: alerts.DiskFull.answer.act: the program 'tidy' must be an absolute path",
        ),
        ("act: ['/bin/{service}']\n" + LOOK, "the program itself is never filled in"),
        (
            "act: [/bin/tidy, '{instance}']\n" + LOOK,
            "there is no placeholder {instance}; there are {service}",
        ),
        ("act: []\n" + LOOK, "a command needs a program"),
        ("look: cat /etc\nact: restart", "7: alerts.DiskFull.answer.look: must be a list of arguments"),
        ("act: [/bin/tidy]", "6: alerts.DiskFull.answer: a script needs `look`"),
        ("act: restart\nrisk: dangerous\napproval: automatic", "what is dangerous is never automatic"),
        ("act: restart\nchanges: much", "`changes` and `undo` are of a script"),
        (
            "act: [/bin/tidy]\n" + LOOK + "\ntimeout: 11m",
            "9: alerts.DiskFull.answer.timeout: a script may take",
        ),
        ("act: restart\nshell: true", "8: alerts.DiskFull.answer.shell: there is no such key"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_cure(tmp_path: Path, answer: str, told: str) -> None:
    assert told in mistakes(tmp_path, answer)


def test_an_alert_has_a_runbook_or_an_answer(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "act: restart", rule="runbook: ServiceDown")
    assert "5: alerts.DiskFull.runbook: an alert has a runbook or an `answer`, not both" in told


@pytest.mark.parametrize(("severity", "risk"), [("warning", "guarded"), ("info", "safe")])
def test_an_automatic_answer_that_never_is_automatic_is_a_mistake(
    tmp_path: Path, severity: str, risk: str
) -> None:
    told = mistakes(
        tmp_path, f"act: restart\napproval: automatic\nrisk: {risk}", rule=f"severity: {severity}"
    )
    assert f"8: alerts.DiskFull.answer.approval: what is {risk} is never automatic at severity" in told


def test_the_generic_runbook_without_an_answer_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "runbooks.yaml"
    file.write_text("alerts:\n  DiskFull: {runbook: ConfiguredAnswer}\n")
    with pytest.raises(settings.ConfigurationError, match="does what `answer` says, and there is none"):
        settings.load(file)


@pytest.mark.parametrize(
    ("answer", "asks"),
    [
        ({"act": "restart"}, False),
        ({"act": "restart", "approval": "required"}, True),
        ({"act": ["/bin/tidy"], "look": ["/bin/look"]}, True),
        ({"act": ["/bin/tidy"], "look": ["/bin/look"], "approval": "automatic", "risk": "safe"}, False),
    ],
)
def test_a_script_asks_unless_it_says_automatic(answer: dict[str, Any], asks: bool) -> None:
    assert Answer.model_validate(answer).asks is asks


def test_only_names_of_the_configuration_are_filled_in() -> None:
    answer = Answer.model_validate(
        {"look": ["/bin/look", "{service}/{alert}", "{{x}} {0} $HOME"], "act": "restart", "risk": "safe"}
    )
    filled = answer.filled("DiskFull", Service(name="web", manager=DockerManager(container="w")))
    assert filled.look == ("/bin/look", "web/DiskFull", "{x} {0} $HOME")
    assert (filled.act, filled.risk) == (("restart",), Risk.SAFE)


@pytest.mark.parametrize("hostile", ["$(reboot)", "; reboot", "{service}", "../../bin/sh", "-rf", "{alert}"])
def test_no_word_of_an_alert_gets_into_a_command(hostile: str) -> None:
    content = {
        "services": {"web": {"manager": {"kind": "docker", "container": "web"}}},
        "alerts": {
            "DiskFull": {
                "service": "web",
                "answer": {"look": ["/bin/look", "{service}"], "act": ["/bin/tidy", "{service}", "{alert}"]},
            }
        },
    }
    alert = Alert(
        name="DiskFull",
        service="web",
        labels={"alertname": "DiskFull", "service": hostile, "instance": hostile},
        annotations={"summary": hostile, "command": hostile},
        starts_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    policy = policy_for(alert, Configuration.of(content, NAMES))
    assert policy.answer is not None
    assert (policy.answer.look, policy.answer.act) == (("/bin/look", "web"), ("/bin/tidy", "web", "DiskFull"))
    unknown = alert.model_copy(update={"service": hostile})
    assert policy_for(unknown, Configuration.of(content, NAMES)).answer is None
