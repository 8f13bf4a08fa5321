"""`audit verify`: whether the incident store still is as it was written."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from console.fire import Config
from console.output import AsJson, Exit, Unusable, as_json, out, run, safe
from console.shell.examples import examples
from models.base import in_number
from models.text import plain
from runtime.settings import load, path_of
from runtime.store.audit import Audit, Wrong, audit
from runtime.store.opening import database_of

app = typer.Typer(help="Prove that nothing of the stored incidents was changed.", no_args_is_help=True)
_HEAD = re.compile(r"[0-9]{1,18}:[0-9a-f]{64}")
MOST_PRINTED = 50


@app.callback()
def _group() -> None:
    """Keeps `verify` a command of the group, though it is the only one."""


@app.command(epilog=examples("audit verify"))
def verify(
    config: Config = None,
    head: Annotated[
        str, typer.Option("--head", metavar="N:HASH", help="A head that an earlier audit printed.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Read the whole store. Exit code 1 when a row was changed, removed, put in or moved."""

    async def work() -> Audit:
        if head and not _HEAD.fullmatch(head):
            raise Unusable(f"--head {plain(head)}: write it as the audit printed it, NUMBER:HASH")
        configuration = load(path_of(config))
        return await audit(database_of(configuration), head, configuration.store.keep)

    found = run(work())
    if json:
        as_json({**found.model_dump(mode="json"), "ok": found.ok})
    else:
        _print(found)
    if not found.ok:
        raise typer.Exit(Exit.FAILED)


def _print(found: Audit) -> None:
    for finding in found.findings[:MOST_PRINTED]:
        out.print(safe(finding.says))
    if len(found.findings) > MOST_PRINTED:
        out.print(f"and {len(found.findings) - MOST_PRINTED} more")
    read = f"{in_number(found.incidents, 'incident')}, {in_number(found.events, 'row')}"
    if found.removed:
        read += f"; {in_number(found.removed, 'incident')} removed"
    is_changed = any(one.wrong is not Wrong.UNKNOWN for one in found.findings)
    proved = "as they were written" if found.ok else "not proved against that head"
    out.print(f"{read}: {'NOT as they were written' if is_changed else proved}")
    out.print(f"head {found.head}")
