"""The configuration: `runbooks.yaml`, and what the environment says beside it. Nothing else reads them.

The file only names secrets (`activities/support/secrets.py` reads them where they are used), and no
error repeats a value from a place where one might have been pasted.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import structlog
from pydantic import ValidationError

from models.configuration.configuration import Configuration
from models.configuration.mistakes import mistakes_in
from runtime.file import yaml_document
from runtime.file.source import ConfigurationError, path_of, read
from workflows.runbooks.registry import NAMES

TOKEN_FILE_VARIABLE = "RUNBOOKS_INTAKE_TOKEN_FILE"  # noqa: S105 - the name of a variable
_NAMES_PACKAGES = re.compile(rb"^['\"]?runbooks\b", re.MULTILINE)

__all__ = ["ConfigurationError", "ConfigurationFile", "load", "load_packages", "path_of"]

logger = structlog.get_logger(__name__)


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read and check the file. Raises `ConfigurationError` with every mistake that it finds."""
    return _parse(read(path), path, environ)


class ConfigurationFile:
    """The configuration in force: calling it reads the file again if it changed.

    A file that was broken or deleted meanwhile changes nothing: the last good one stays in
    force, `problem` says what is wrong, and it is logged once. May be called from any thread.
    """

    def __init__(self, path: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Raises `ConfigurationError`: there is no last good file yet."""
        self.path = path
        self.problem = ""
        self._environ = environ
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._seen = read(path)
        self._in_force = _parse(self._seen, path, environ)
        self._refused: tuple[bytes, ConfigurationError] | None = None

    def __call__(self) -> Configuration:
        with self._lock:
            try:
                self._renew()
            except ConfigurationError as error:
                self._say(str(error))
            return self._in_force

    def _renew(self) -> None:
        stamp = _stamp(self.path)
        if stamp and stamp == self._stamp and not self.problem:
            return
        content = read(self.path)
        if self._refused and self._refused[0] == content:
            raise self._refused[1]
        if content != self._seen:
            try:
                self._in_force = _parse(content, self.path, self._environ, self._in_force.runbooks)
            except ConfigurationError as error:
                self._refused = content, error
                raise
        if content != self._seen or self.problem:
            logger.info("the configuration changed", file=str(self.path))
        self._stamp, self._seen, self._refused, self.problem = stamp, content, None, ""

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            logger.error(
                "the configuration file is invalid; the last valid one stays in force", problem=problem
            )


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes with every edit of the file; empty when it cannot be had."""
    try:
        seen = path.stat()
    except OSError:
        return ()
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _parse(
    content: bytes, path: Path, environ: Mapping[str, str], packages: Sequence[str] | None = None
) -> Configuration:
    """The configuration in these bytes. Raises `ConfigurationError`, whatever a library raises.

    A process that runs names its `packages`, and loads no others.
    A caller with a last good configuration keeps it for this error, and for no other.
    """
    try:
        return _validated(content, path, environ, packages)
    except ConfigurationError:
        raise
    except Exception as error:
        problem = f"it cannot be read ({type(error).__name__}): undo the last change"
        raise ConfigurationError([f"{path}: {problem}"]) from error


def _validated(
    content: bytes, path: Path, environ: Mapping[str, str], packages: Sequence[str] | None
) -> Configuration:
    try:
        document = yaml_document.parse(content)
    except yaml_document.Unreadable as error:
        raise ConfigurationError([f"{path}:{line}: {text}" for line, text in error.mistakes]) from None
    data = document.data
    if token_file := environ.get(TOKEN_FILE_VARIABLE):
        intake = data.get("intake") or {}
        if isinstance(intake, dict):
            data = {**data, "intake": {**intake, "token": {"file": token_file}}}
    named = data.get("runbooks") or []
    if packages is not None and isinstance(named, list) and named != [*packages]:
        cure = "restart the worker and the intake, which load packages when they start"
        line, key = document.locate(("runbooks",))
        raise ConfigurationError([f"{path}:{line}: {key}: this list has changed: {cure}"])
    brought = _brought(document, path)
    try:
        return Configuration.of(data, (*NAMES, *brought))
    except ValidationError as error:
        mistakes = [mistake for details in error.errors() for mistake in mistakes_in(details)]
    located = sorted(((*document.locate(one.place), one.text) for one in mistakes), key=lambda one: one[0])
    raise ConfigurationError(
        [f"{path}:{line}: " + ": ".join(filter(None, (key, text))) for line, key, text in located]
    )


def load_packages(path: Path) -> None:
    """Load the packages of a configuration for who reads no more of it; none where it is not good."""
    with contextlib.suppress(ConfigurationError, yaml_document.Unreadable):
        content = read(path)
        if _NAMES_PACKAGES.search(content):  # to parse a file takes a tenth of a second
            _brought(yaml_document.parse(content), path)


def _brought(document: yaml_document.Document, path: Path) -> list[str]:
    """The runbooks of the packages that the file names; what is not a list of names is found later."""
    named = document.data.get("runbooks")
    if not isinstance(named, list):
        return []
    packages = import_module("runtime.hosted.packages")  # with all activities, which others need not wait for
    found, mistakes = list[str](), list[str]()
    for place, one in enumerate(named):
        try:
            found += packages.runbooks_of(one) if isinstance(one, str) else []
        except packages.Unfit as why:
            line, key = document.locate(("runbooks", place))
            mistakes.append(f"{path}:{line}: {key}: {one}: {why}")
    if mistakes:
        raise ConfigurationError(mistakes)
    return found
