"""Commands that send an incident a message: `approve`, `deny`, `propose`, `ack`, `note`, `done`, `retry`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from pydantic import ValidationError

from console.incident_view import question
from console.output import AsJson, By, OpenId, Refused, Unusable, as_json, err, out, run, safe, typed, worded
from console.shell.completing import services
from console.shell.examples import examples
from console.signing import signer, typist
from models.incident.incident import Decision, Phase, Spoken, Through, Verdict
from models.messages import ACKNOWLEDGE, DONE, NOTE, RETRY
from models.proposals.proposal import Proposal
from runtime.connection import connect
from runtime.incidents import Incidents, parse_id

app = typer.Typer()
PlanOption = Annotated[
    str,
    typer.Option(
        "--plan",
        help="The plan's digest; by default the pending plan, of several the recommended one.",
        callback=typed,
    ),
]
Text = Annotated[str, typer.Option("--text", help="A reason, for the timeline.", callback=typed)]
DECIDED = {Verdict.APPROVE: "Approved", Verdict.DENY: "Denied"}
TOLD = {
    ACKNOWLEDGE: "Acknowledged {}",
    NOTE: "Added a note to {}",
    DONE: "Reported {} as done",
    RETRY: "{} looks and acts again",
}


@app.command(
    epilog=examples(
        "approve ServiceDown/backend",
        "approve ServiceDown/backend --plan 0a1b2c3d4e5f --yes",
    )
)
def approve(
    incident: OpenId,
    plan: PlanOption = "",
    text: Text = "",
    by: By = "",
    yes: Annotated[bool, typer.Option("--yes", help="Approve without being asked, as in a script.")] = False,
    json: AsJson = False,
) -> None:
    """Approve the pending plan of an incident, or one of several by its digest. Shows the plan, and asks."""
    run(_decide(incident, _decision(Verdict.APPROVE, plan, text, by), json, asks=not yes))


@app.command(epilog=examples('deny ServiceDown/backend --text "that process is the migration"'))
def deny(incident: OpenId, plan: PlanOption = "", text: Text = "", by: By = "", json: AsJson = False) -> None:
    """Deny the pending plan of an incident, and all others that are offered."""
    run(_decide(incident, _decision(Verdict.DENY, plan, text, by), json))


@app.command(epilog=examples("ack ServiceDown/backend"))
def ack(incident: OpenId, text: Text = "", by: By = "", json: AsJson = False) -> None:
    """Acknowledge an incident: no further rung of the escalation is paged."""
    run(_tell(incident, ACKNOWLEDGE, _spoken(text, by), json))


@app.command(epilog=examples('note ServiceDown/backend "replacing the disk"'))
def note(
    incident: OpenId,
    text: Annotated[str, typer.Argument(help="The text.", callback=worded)],
    by: By = "",
    json: AsJson = False,
) -> None:
    """Add a note to an incident's timeline."""
    run(_tell(incident, NOTE, _spoken(text, by), json))


@app.command(epilog=examples('done ServiceDown/backend --text "replaced the disk"'))
def done(incident: OpenId, text: Text = "", by: By = "", json: AsJson = False) -> None:
    """Close an incident: you have repaired it, or nothing is left to do."""
    run(_tell(incident, DONE, _spoken(text, by), json))


def _spoken(text: str, by: str) -> Spoken:
    """Of the user that the operating system knows; `--by` only says how they want to be called."""
    user, name = typist(by)
    return Spoken(by=user, says_to_be=name, through=Through.COMMAND, text=text)


@app.command(epilog=examples("retry ServiceDown/backend"))
def retry(incident: OpenId, text: Text = "", by: By = "", json: AsJson = False) -> None:
    """Let an escalated incident look and act again, also after a denial."""

    async def work() -> None:
        name = parse_id(incident)
        state = await Incidents(await connect()).state(name)
        if state.phase is not Phase.ESCALATED:
            raise Refused(f"{name} is not escalated (phase: {state.phase.value}): it goes on by itself")
        await _tell(incident, RETRY, _spoken(text, by), json)

    run(work())


def _decision(verdict: Verdict, plan: str, text: str, by: str) -> Decision:
    return Decision(**dict(_spoken(text, by)), verdict=verdict, plan=plan)


async def _decide(incident: str, decision: Decision, json: bool, asks: bool = False) -> None:
    """Send the digest of the plan that was shown, so that the decision is about that plan."""
    name = parse_id(incident)
    incidents = Incidents(await connect(), signer())
    state = await incidents.state(name)
    if state.awaiting is None:
        raise Refused(f"{name} waits for no approval (phase: {state.phase.value})")
    decision = decision.model_copy(update={"plan": decision.plan or state.awaiting.digest})
    err.print(question(name, state.awaiting))
    if asks:
        _ask(name, decision.plan)
    decided = await incidents.decide(name, decision)
    if json:
        said = {"incident": name, "plan": decision.plan, "by": decision.signed_as}
        as_json({**said, **decided.model_dump(mode="json")})
    elif decided.accepted:
        what = f"{DECIDED[decision.verdict]} plan {safe(decision.plan)} of {name}"
        out.print(f"{what} as {safe(decision.signed_as)}")
    if not decided.accepted:
        raise Refused(f"{name}: {decided.reason}")


def _ask(incident: str, plan: str) -> None:
    """Let the person at the terminal confirm. Raises Refused for anything but a yes."""
    if not sys.stdin.isatty():
        raise Unusable("nobody can be asked here, because there is no terminal: read the plan, and add --yes")
    try:
        said = err.input(f"Approve plan {safe(plan)}? [y/N] ", markup=False)
    except EOFError:
        said = ""
    if said.strip().lower() not in ("y", "yes"):
        raise Refused(f"{incident}: not approved, and nothing was sent; `deny` refuses the plan")


async def _tell(incident: str, message: str, spoken: Spoken, json: bool) -> None:
    name = parse_id(incident)
    incidents = Incidents(await connect(), signer())
    await incidents.tell(name, message, spoken)
    if json:
        as_json({"incident": name, "told": message, "by": spoken.signed_as})
    else:
        out.print(f"{TOLD[message].format(name)} as {safe(spoken.signed_as)}")


@app.command(epilog=examples('propose ServiceDown/backend restart-service --text "the pool is stuck"'))
def propose(
    incident: OpenId,
    action: Annotated[str, typer.Argument(help="What may be done, as `restart-service`.", callback=typed)],
    service: Annotated[
        str,
        typer.Option(
            "--service", help="By default the incident's own.", callback=typed, autocompletion=services
        ),
    ] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="How much.", callback=typed)
    ] = None,
    key: Annotated[
        str, typer.Option("--key", help="To propose the same once more, another one.", callback=typed)
    ] = "",
    text: Text = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Propose what an escalated incident is to do: it is looked at, asked about, done and verified."""
    run(_propose(incident, action, service, settings or [], key, _spoken(text, by), json))


def _proposal(action: str, service: str, settings: list[str], key: str, spoken: Spoken) -> Proposal:
    """Raises Unusable for what is not of the catalogue."""
    pairs = {name: value for name, _, value in (one.partition("=") for one in settings)}
    values = {
        name: int(value) if value.isascii() and value.isdecimal() else value for name, value in pairs.items()
    }
    try:
        return Proposal(**dict(spoken), action=action, service=service or None, settings=values, key=key)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Unusable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")) from error


async def _propose(
    incident: str, action: str, service: str, settings: list[str], key: str, spoken: Spoken, json: bool
) -> None:
    name, proposal = parse_id(incident), _proposal(action, service, settings, key, spoken)
    proposed = await Incidents(await connect(), signer()).propose(name, proposal)
    if json:
        as_json({"incident": name, "by": proposal.signed_as, **proposed.model_dump(mode="json")})
    elif proposed.accepted:
        out.print(f"Proposed to {name} as {safe(proposal.signed_as)}: {safe(proposed.reason)}")
    if not proposed.accepted:
        raise Refused(f"{name}: {proposed.reason}")
