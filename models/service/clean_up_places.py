"""Directories whose old files nobody means to delete: of the system, people, backups, the product."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from models.service.service import Service

_PRODUCT = __file__.rsplit("/", 3)[0]
_THEMSELVES = (
    *("/", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/usr/local"),  # noqa: S108
    *("/var", "/var/cache", "/var/lib", "/var/spool", "/var/tmp"),  # noqa: S108
)
"""Many things lie in them; what lies below may be meant."""
_WITH_ALL_BELOW = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys"),
    *("/usr/bin", "/usr/include", "/usr/lib", "/usr/libexec", "/usr/sbin", "/usr/share", "/usr/src"),
    *("/var/lib/docker", "/var/lib/dpkg", "/var/lib/postgresql"),
)
_CURE = "name the directory of its log files alone, such as /var/log/NAME"


def not_to_be_cleaned_up(services: Mapping[str, Service], kept: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each service whose clean-up names such a directory, and why not, with the cure.

    `kept` are directories whose files must stay: of backups, reviews and state. Links are refused when a
    directory is opened, so what is written is where it is."""
    stays = [_normal(one) for one in kept]
    for name, service in services.items():
        if service.clean_up and (why := _why_not(_normal(service.clean_up.directory), stays)):
            yield name, f"{why}: {_CURE}"


def _normal(directory: str) -> str:
    """Without `..` where it can be; a relative one stays relative, to where the worker runs."""
    normal = posixpath.normpath(directory)
    return f"/{normal.lstrip('/')}" if normal.startswith("/") else normal


def _is_in(directory: str, above: str) -> bool:
    return directory == above or directory.startswith(f"{above.rstrip('/')}/")


def _why_not(directory: str, stays: Iterable[str]) -> str:
    if directory in _THEMSELVES or posixpath.dirname(directory) == "/home":
        return f"{directory} holds much more than the log files of a service"
    if any(_is_in(directory, one) for one in _WITH_ALL_BELOW):
        return f"{directory} belongs to the system"
    if _is_in(_PRODUCT, directory) or set(directory.split("/")) <= {".", ".."}:
        return f"{directory} holds the product itself"
    if one := next((one for one in stays if _is_in(one, directory)), None):
        return f"{one}, which is kept, is in {directory}" if one != directory else f"{directory} is kept"
    return ""
