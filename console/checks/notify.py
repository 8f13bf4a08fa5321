"""`notify test`: sends a test message through a channel, with the worker's own code."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import typer

from activities.notify.build import build_channels
from activities.notify.channel import ChannelDown, ChannelUnset, UnsetChannel
from activities.notify.trial import try_out
from activities.support.secrets import resolve
from console.fire import Config
from console.output import AsJson, By, Exit, Unusable, as_json, out, run, safe, somebody, typed
from console.shell.examples import examples
from models.configuration.configuration import Configuration
from models.configuration.consistency import unknown
from models.names import Severity
from runtime import settings
from runtime.systems.outgoing import outgoing

EVERYBODY = "everybody"
"""Who reads a channel that is in no role's contacts."""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def notify() -> None:
    """Try the channels that people are told through."""


@app.command(epilog=examples("notify test slack", "notify test pagerduty --role team-lead"))
def test(
    channel: Annotated[
        str, typer.Argument(help="The channel, as the configuration names it.", callback=typed)
    ],
    role: Annotated[
        str,
        typer.Option(
            "--role",
            help="Who is paged; PagerDuty may have a key for each.",
            show_default="the first that has this channel",
            callback=typed,
        ),
    ] = "",
    by: By = "",
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Send one message that is marked as a test, from here. PagerDuty's page is resolved again at once.

    Exits with 1 when the channel did not take it, and with 2 when it is not configured.
    """

    async def work() -> None:
        configuration = settings.load(settings.path_of(config))
        whom = _role(configuration, channel, role)
        why = await _why_not(configuration, channel, whom, somebody(by))
        if json:
            as_json({"channel": channel, "role": whom, "delivered": not why, "why": why})
        elif why:
            out.print(f"[red]not delivered[/red] to {safe(whom)} through {safe(channel)}: {safe(why)}")
        else:
            out.print(
                f"[green]delivered[/green] to {safe(whom)} through {safe(channel)}: see whether it arrived"
            )
        if why:
            raise typer.Exit(Exit.FAILED)

    run(work())


async def _why_not(configuration: Configuration, name: str, role: str, by: str) -> str:
    """Why it was not delivered; nothing when it was. Raises Unusable where the channel cannot be used."""
    config = configuration.channels[name]
    severity = next(one for one in Severity if not config.severities or one in config.severities)
    async with outgoing(lambda: configuration) as http:
        channel = build_channels({name: config}, http, resolve)[name]
        if isinstance(channel, UnsetChannel):
            raise Unusable(channel.why)
        try:
            await try_out(channel, role, severity, by)
        except ChannelUnset as unset:
            raise Unusable(str(unset)) from unset
        except ChannelDown as down:
            return str(down)
    return ""


def _role(configuration: Configuration, channel: str, asked: str) -> str:
    """Whom an incident would reach through it. Raises Unusable."""
    _must_know("channel", channel, configuration.channels)
    through = [role for role, channels in configuration.contacts.items() if channel in channels]
    if not asked:
        return through[0] if through else EVERYBODY
    _must_know("role of contacts", asked, configuration.contacts)
    if asked not in through:
        channels = ", ".join(configuration.contacts[asked]) or "none"
        raise Unusable(f"{asked} is not reached through {channel}: contacts.{asked} has {channels}")
    return asked


def _must_know(what: str, name: str, known: Collection[str]) -> None:
    if wrong := unknown((), what, name, known):
        raise Unusable(wrong[0].text)
