"""The Tab key in real shells: commands, options, the IDs of incidents, services and alerts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from models.incident.search_attributes import ALERT_NAME
from tests.parts.product.commands import Person
from tests.parts.product.intake import TemporalServer, environment, until
from tests.parts.requirements import missing
from tests.parts.terminal.terminal import at_a_terminal

ALERT = "Completed:Again"
INCIDENT = f"{ALERT}/backend"
SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
READ = {
    "bash": "source <({} starter.py completion bash --name rb)",
    "zsh": "source <({} starter.py completion zsh --name rb)",
    "fish": "{} starter.py completion fish --name rb | source",
}


@pytest.fixture(scope="module")
async def variables(temporal: TemporalServer, client: Client, config: Path) -> dict[str, str]:
    variables = environment(temporal.address, RUNBOOKS_CONFIG=str(config))
    assert (await Person(variables).types("fire", ALERT, "--service", "backend")).code == 0

    async def listed() -> bool:
        return INCIDENT in (await Person(variables).types("list", "--open")).out

    await until(listed)
    return variables


@pytest.mark.parametrize("shell", SHELLS)
async def test_the_tab_key(shell: str, variables: dict[str, str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        missing(f"{shell} is not installed: apt-get install {shell}")
    home = {**variables, "HOME": str(tmp_path), "PS1": "> ", "PROMPT": "> "}
    async with at_a_terminal(home, size=(200, 50), command=SHELLS[shell]) as terminal:
        terminal.types(READ[shell].format(sys.executable) + "; echo re''ady\n")
        await terminal.until("ready")
        for typed, shown in (
            ("rb wat", "rb watch"),
            ("rb ack Completed:A", f"rb ack {INCIDENT}"),
            ("rb fire Servic", "rb fire ServiceDown"),
            ("rb deployed back", "rb deployed backend"),
            ("rb service show back", "rb service show backend"),
            ("rb fire ServiceDown --serv", "rb fire ServiceDown --service"),
        ):
            terminal.types(f"{typed}\t")
            await terminal.until(shown)
            terminal.types("\x15")  # the line is emptied
        terminal.types("rb list --open && echo all''well\n")
        await terminal.until("allwell")


async def test_an_id_that_a_shell_would_evaluate_is_not_offered(
    client: Client, variables: dict[str, str]
) -> None:
    hostile = r"ServiceDown/\$(touch pwned)"
    named = TypedSearchAttributes(
        [SearchAttributePair(SearchAttributeKey.for_keyword(ALERT_NAME.name), ALERT)]
    )
    await client.start_workflow("ServiceDown", id=hostile, task_queue="nobody", search_attributes=named)

    async def listed() -> bool:
        return "pwned" in (await Person(variables).types("list", "--open")).out

    await until(listed)
    asked = {"_RUNBOOKS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "rb watch "}
    offered = (await Person({**variables, **asked}).types()).out
    assert INCIDENT.replace(":", r"\\:") in offered
    assert "pwned" not in offered


async def test_without_temporal_the_tab_key_says_nothing(config: Path) -> None:
    away = environment("127.0.0.1:1", RUNBOOKS_CONFIG=str(config))
    asked = {"_RUNBOOKS_COMPLETE": "complete_bash", "COMP_WORDS": "rb watch ", "COMP_CWORD": "2"}
    ended = await Person({**away, **asked}).types()
    assert (ended.code, ended.out.strip(), ended.err) == (0, "", "")
