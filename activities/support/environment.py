"""The environment of the programs that the worker starts: what they need, and none of its secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable

_NEEDED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR")
_DOCKER = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
)
"""Where the engine is: without them a program would silently speak to another one."""
_NETWORK = (
    *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
)
"""The way out of this host, and who is trusted there."""


class VariableMissing(Exception):
    """A variable that the configuration names is not set. The text has the cure."""


def minimal(named: Iterable[str] = ()) -> dict[str, str]:
    """What a program needs, the way out of this host, and what is named. Raises `VariableMissing`."""
    wanted = tuple(named)
    for name in wanted:
        if name not in os.environ:
            raise VariableMissing(f"the variable {name} is not set: set it for the worker and restart it")
    return {name: os.environ[name] for name in (*_NEEDED, *_DOCKER, *_NETWORK, *wanted) if name in os.environ}
