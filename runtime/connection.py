"""Connects to Temporal, for the worker, the intake and the commands.

The address, namespace, TLS and API key come from the SDK's own `temporalio.envconfig`:
`TEMPORAL_*` variables and `temporal.toml` profiles. Without any, `localhost:7233`.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from urllib.parse import urlsplit

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RetryConfig, RPCError

from models.redaction.known import KNOWN

DEFAULT_ADDRESS = "localhost:7233"
PATIENCE = timedelta(seconds=5)
"""How long a call may take, its retries included."""

_RETRIES = RetryConfig(max_elapsed_time_millis=int(PATIENCE.total_seconds() * 1000), max_retries=5)

_SAID = re.compile(r'message: "([^"]{1,200})"')


class TemporalUnreachable(Exception):
    """Temporal did not answer, or refused the connection. The text names the address and the cure."""


class ConnectionMisconfigured(Exception):
    """`temporal.toml` or a `TEMPORAL_*` variable is invalid."""


def connect_config() -> ClientConnectConfig:
    """Where Temporal is, as the environment and `temporal.toml` say.

    Raises ConnectionMisconfigured when they contradict themselves or cannot be read.
    """
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise _misconfigured(str(error)) from error
    config.setdefault("target_host", DEFAULT_ADDRESS)
    KNOWN.remember(config.get("api_key") or "")
    return config


async def connect() -> Client:
    """A client that has reached Temporal.

    Raises TemporalUnreachable after at most five seconds, ConnectionMisconfigured at once.
    """
    config = connect_config()
    address = config["target_host"]
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await Client.connect(
                **config,
                data_converter=pydantic_data_converter,
                retry_config=_RETRIES,
                connect_timeout=PATIENCE,
            )
    except ValueError as error:  # the SDK's, for an invalid address or key
        raise _misconfigured(f"{address!r}: {error}") from error
    except TimeoutError as error:
        raise unreachable(address, "no answer within 5 s") from error
    except (RuntimeError, RPCError) as error:
        raise unreachable(address, str(error)) from error


async def connect_later() -> Client:
    """A client that connects with its first call, for a server that must start before Temporal does.

    Raises ConnectionMisconfigured for an invalid address.
    """
    config = connect_config()
    _must_be_callable(config["target_host"])
    return await Client.connect(
        **config,
        data_converter=pydantic_data_converter,
        retry_config=_RETRIES,
        connect_timeout=PATIENCE,
        lazy=True,
    )


def _must_be_callable(address: str) -> None:
    """A lazy client checks its address with the first call only; check it at start."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        callable_ = bool(parts.hostname) and parts.port != 0 and address.isprintable() and " " not in address
    except ValueError as error:
        raise _misconfigured(f"{address!r}: {error}") from error
    if not callable_:
        raise _misconfigured(f"{address!r} is not an address such as {DEFAULT_ADDRESS}")


def _misconfigured(why: str) -> ConnectionMisconfigured:
    return ConnectionMisconfigured(
        f"invalid Temporal connection settings: {why}. Check temporal.toml and the TEMPORAL_* variables."
    )


def unreachable(address: str, why: str) -> TemporalUnreachable:
    """The error for a Temporal that does not answer: its address, the reason, the cure."""
    return TemporalUnreachable(
        f"Temporal does not answer at {address} ({_in_short(why)}). Start it, or set "
        "TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE, TEMPORAL_API_KEY or a temporal.toml profile)."
    )


def _in_short(text: str) -> str:
    """The operating system's own words out of a Rust transport error, or its first line."""
    if said := _SAID.search(text):
        return said[1].lower()
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    return line if len(line) <= 200 else line[:199] + "…"
