"""Whether alerts can be taken: for `/readyz`, and for the command `doctor`."""

from __future__ import annotations

import re
from datetime import timedelta

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.examined import Check, Kind
from models.incident.search_attributes import ALL
from runtime.connection import PATIENCE
from runtime.errors import Trouble, in_time
from runtime.search_attributes import command

FLOORS = ((1, 30, 7), (1, 31, 3), (1, 32, 0))
"""The first safe release of each line that is still maintained."""


async def check_temporal(client: Client) -> Check:
    """Whether Temporal answers, and the namespace can be read."""
    name = f"Temporal ({client.namespace})"
    try:
        async with in_time(PATIENCE):
            await client.count_workflows(rpc_timeout=PATIENCE)
    except Trouble as trouble:
        cure = "start it, or correct TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE"
        return Check(name=name, ok=False, problem=str(trouble), cure=cure)
    return Check(name=name, ok=True)


async def check_search_attributes(client: Client) -> Check:
    """Whether the server knows the attributes. A run that sets an unknown one would never start."""
    name = "search attributes"
    query = " AND ".join(f"{key.name} = 'registered'" for key in ALL)
    try:
        async with in_time(PATIENCE + timedelta(seconds=1)):
            try:
                await client.count_workflows(query, rpc_timeout=PATIENCE)
            except RPCError as error:
                if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                    raise
                cure = f"start a worker once, or register them: {command(client)}"
                return Check(name=name, ok=False, problem=error.message, cure=cure)
    except Trouble as trouble:
        return Check(name=name, ok=False, problem=str(trouble), cure="see Temporal above")
    return Check(name=name, ok=True)


async def check_version(client: Client) -> Check:
    """Whether the server has the security fixes of its release line."""
    name = "Temporal's version"
    try:
        async with in_time(PATIENCE):
            info = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=PATIENCE)
    except Trouble as trouble:
        return Check(name=name, ok=False, problem=str(trouble), cure="see Temporal above")
    version = info.server_version
    if safe_version(version):
        return Check(name=f"{name} ({version})", ok=True)
    floor = ", ".join(".".join(map(str, one)) for one in FLOORS)
    return Check(
        name=name,
        ok=False,
        problem=f"{version} lacks security fixes",
        cure=f"update it to {floor} or newer",
        kind=Kind.TROUBLE,
    )


def safe_version(version: str) -> bool:
    """Whether `1.32.0` is at or above the floor of its line. A version in another form passes."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if match is None:
        return True
    seen = (int(match[1]), int(match[2]), int(match[3]))
    return seen >= FLOORS[-1] or any(seen[:2] == floor[:2] and seen >= floor for floor in FLOORS)
