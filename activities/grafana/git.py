"""git, as a program that reads nobody's settings, runs no hooks, no filters, asks nothing and ends in time.

The settings of the repository itself are read, for they name its remotes and how those are reached: all who
may write to its `.git/config` are trusted as far as that.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from activities.support.redaction import clean
from models.base import in_words

LOCAL = timedelta(seconds=60)
NETWORK = timedelta(seconds=120)

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "advice.detachedHead": "false",
    "core.alternateRefsCommand": "",
    "merge.verifySignatures": "false",
    "fetch.recurseSubmodules": "false",
    "status.submoduleSummary": "false",
    "gpg.program": "false",
    "gpg.ssh.program": "false",
    "gpg.x509.program": "false",
}
_FILTER = {"clean": "", "smudge": "", "process": "", "required": "false"}
_KEPT = (
    "SSH_AUTH_SOCK",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


class GitFailed(Exception):
    """git ended with an error; the text is what it said, on one line, without secrets."""


class GitMissing(Exception):
    """git is not installed."""


class Git:
    """Runs git in one working tree."""

    def __init__(self, path: Path, extra: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._settings = dict(_SETTINGS)
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
        if "SSL_CERT_FILE" in environment:
            environment["GIT_SSL_CAINFO"] = environment["SSL_CERT_FILE"]
        self._environment = {
            **environment,
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_EDITOR": "true",
            **(extra or {}),
        }

    def __call__(
        self,
        *arguments: str,
        given: bytes = b"",
        within: timedelta = LOCAL,
        extra: Mapping[str, str] | None = None,
    ) -> bytes:
        """Its output. Raises `GitFailed`, `GitMissing` and, for a path that is no directory, `OSError`."""
        with suppress(GitFailed):  # there is none
            listed = self._run("config", "-z", "--name-only", "--get-regexp", r"^filter\.")
            for name in {key.rpartition(b".")[0] for key in listed.split(b"\0") if key}:
                self._settings |= {f"{os.fsdecode(name)}.{key}": value for key, value in _FILTER.items()}
        return self._run(*arguments, given=given, within=within, extra=extra)

    def _run(
        self,
        *arguments: str,
        given: bytes = b"",
        within: timedelta = LOCAL,
        extra: Mapping[str, str] | None = None,
    ) -> bytes:
        settings = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        try:
            process = subprocess.Popen(
                ["git", *settings, *arguments],
                cwd=self._path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**self._environment, **(extra or {})},
                start_new_session=True,  # without a terminal nobody can be asked for a password
            )
        except FileNotFoundError:
            if not self._path.is_dir():
                raise
            raise GitMissing("git is not installed where the worker runs: install it") from None
        try:
            out, errors = process.communicate(given, timeout=within.total_seconds())
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git {arguments[0]} did not end within {in_words(within)}") from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        if process.returncode:
            said = " ".join(errors.decode("utf-8", errors="replace").split())
            raise GitFailed(clean(said, 300) or f"git {arguments[0]} ended with code {process.returncode}")
        return out

    def line(self, *arguments: str) -> str:
        """Its output, which is one line."""
        return self(*arguments).decode("utf-8", errors="surrogateescape").strip("\n")

    def succeeds(self, *arguments: str) -> bool:
        """Whether it ends without an error."""
        try:
            self(*arguments)
        except GitFailed:
            return False
        return True


def header(user: str, token: str) -> dict[str, str]:
    """The environment in which git sends this token, which then stands in no argument list and no file."""
    pair = base64.b64encode(f"{user}:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}",
    }
