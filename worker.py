"""The worker: hosts workflows and activities, and drains when it is told to stop.

python worker.py [--config F] [--host NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from temporalio.runtime import Runtime

from models.service.service import HostName
from runtime import hosting, settings
from runtime.connection import ConnectionMisconfigured, TemporalUnreachable, connect
from runtime.search_attributes import AttributesMissing
from runtime.telemetry import worker_runtime

FAILED, MISCONFIGURED, UNREACHABLE = 1, 2, 3


async def serve(config: Path, host: str | None) -> None:
    """Host the work until SIGTERM or SIGINT, then let what runs come to its end."""
    file = settings.ConfigurationFile(config)
    Runtime.set_default(worker_runtime(file().worker.metrics, config))
    client = await connect()
    stop = asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    async with hosting.hosted(client, file, host) as one:
        print(f"worker ready on task queue {one.task_queue}", flush=True)  # noqa: T201
        await stop.wait()
    print("worker drained", flush=True)  # noqa: T201


def _host_name(text: str) -> str:
    """`--host`, which names a task queue: only what `host` of a service can be."""
    try:
        return TypeAdapter(HostName).validate_python(text)
    except ValidationError:
        cure = "write it as `host` of a service, in letters, digits, dots and hyphens"
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of a host: {cure}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker; one line on standard error for each thing that is wrong."""
    parser = argparse.ArgumentParser(
        prog="worker.py", description="Hosts the runbooks' workflows and activities."
    )
    parser.add_argument(
        "--config", type=Path, help="the configuration (default: $RUNBOOKS_CONFIG or runbooks.yaml)"
    )
    parser.add_argument(
        "--host", type=_host_name, help="serve what must run on this host, as `host:` of a service names it"
    )
    options = parser.parse_args(arguments)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(settings.path_of(options.config), options.host))
    except settings.ConfigurationError as error:
        return _say(error.lines, MISCONFIGURED)
    except ConnectionMisconfigured as error:
        return _say([str(error)], MISCONFIGURED)
    except (TemporalUnreachable, AttributesMissing) as error:
        return _say([str(error)], UNREACHABLE)
    return 0


def _say(lines: Sequence[str], code: int) -> int:
    for line in lines:
        print(f"worker.py: {line}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
