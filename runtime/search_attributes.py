"""Registers the search attributes, which the server must know before a run sets one."""

from __future__ import annotations

from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.incident.search_attributes import ALL

TIMEOUT = timedelta(seconds=10)


class AttributesMissing(Exception):
    """The server does not have the search attributes, and refused to add them."""


async def register_search_attributes(client: Client) -> None:
    """Add what is missing. Raises AttributesMissing with the command that a person must run."""
    known = await _known(client)
    missing = {key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in ALL if key.name not in known}
    if not missing:
        return
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(search_attributes=missing, namespace=client.namespace), timeout=TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return
        raise AttributesMissing(f"{error.message}; register them yourself: {command(client)}") from error


async def _known(client: Client) -> set[str]:
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), timeout=TIMEOUT
        )
    except RPCError:
        return set()
    return {*answer.custom_attributes, *answer.system_attributes}


def command(client: Client) -> str:
    """The command line that registers every attribute."""
    names = " ".join(f"--name {key.name} --type Keyword" for key in ALL)
    return f"temporal operator search-attribute create --namespace {client.namespace} {names}"
