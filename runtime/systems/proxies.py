"""Which addresses are asked through a proxy, by `HTTPS_PROXY` and `NO_PROXY`.

https  goes through the proxy that `HTTPS_PROXY` names, unless `NO_PROXY` has the host
http   never does: what is asked without TLS is inside, and the error page of a proxy would look
       like an answer of the service itself
either never does where it stays on this machine, or the name has no dot, as those of containers
"""

from __future__ import annotations

import ipaddress
import os
import re

import httpx

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_ENTRY = re.compile(r"(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?")
"""An address in brackets, or a host or network, each perhaps with a port. Else an IPv6 address or network."""


def proxy_for(url: httpx.URL) -> str | None:
    """The proxy in between; None for what is asked directly."""
    proxy = _variable("https_proxy")
    if url.scheme != "https" or not proxy or _is_near(url.host):
        return None
    exempt = re.split(r"[,\s]+", _variable("no_proxy").lower())
    if any(_names(entry, url) for entry in exempt if entry):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(name: str) -> str:
    """Where both are set, the lower case counts, as in curl."""
    return os.environ.get(name, os.environ.get(name.upper(), ""))


def _is_near(host: str) -> bool:
    if address := _address(host):
        return address.is_loopback or address.is_unspecified
    name = host.rstrip(".")
    return "." not in name or name.endswith(".localhost")


def _names(entry: str, url: httpx.URL) -> bool:
    """Whether an entry of `NO_PROXY` has this address. A domain has its subdomains, too."""
    if entry == "*":
        return True
    parts = _ENTRY.fullmatch(entry)
    named, port = (parts[1] or parts[2], parts[3]) if parts else (entry, None)
    if port and int(port) != (url.port or 443):
        return False
    address = _address(url.host)
    if address is None:
        domain = named.removeprefix("*").strip(".")
        return bool(domain) and f".{url.host.rstrip('.')}".endswith(f".{domain}")
    try:
        return address in ipaddress.ip_network(named, strict=False)
    except ValueError:
        return False


def _address(host: str) -> _Address | None:
    """None for a name. An IPv4 address may be written as one of IPv6."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
