"""The only place that reads `runbooks.yaml` and the environment.

Secrets are only named in it (`activities/support/secrets.py` takes them where they are used), and no
message repeats a value from a place where one might have been pasted.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import structlog
import yaml
from pydantic import ValidationError

from models.configuration.configuration import Configuration
from models.configuration.consistency import Mistake
from models.configuration.mistakes import mistakes_in

CONFIG_VARIABLE = "RUNBOOKS_CONFIG"
TOKEN_FILE_VARIABLE = "RUNBOOKS_INTAKE_TOKEN_FILE"  # noqa: S105 - the name of a variable
DEFAULT_PATH = "runbooks.yaml"
LARGEST_FILE = 2**20
MOST_NODES = 100_000
"""Keys and values with every alias written out: far above any real file, far below a bomb."""

_PASTED = re.compile(r"(alias|handle|tag) ['\"].*", re.DOTALL)
"""Where the parser of YAML repeats what it read: a secret that begins with * or ! is read as these."""

logger = structlog.get_logger(__name__)


class ConfigurationError(Exception):
    """The file cannot be used. `lines` holds one line a mistake: file, line, key, cure.

    A key may hold anything: what a terminal or a log would not show as it is stands escaped.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(map(_printable, lines))
        super().__init__("\n".join(self.lines))


def path_of(option: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The file to read: the option, else `RUNBOOKS_CONFIG`, else `runbooks.yaml`."""
    return option or Path(environ.get(CONFIG_VARIABLE) or DEFAULT_PATH)


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read and check the file. Raises `ConfigurationError` with every mistake that it finds."""
    return _parse(_read(path), path, environ)


class ConfigurationFile:
    """The configuration in force: calling it reads the file again if it changed.

    A file that was broken or deleted meanwhile changes nothing: the last good one stays in
    force, `problem` says what is wrong, and the log says it once. May be called from any thread.
    """

    def __init__(self, path: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Raises `ConfigurationError`: there is no last good file yet."""
        self.path = path
        self.problem = ""
        self._environ = environ
        self._lock = threading.Lock()
        self._seen = _read(path)
        self._in_force = _parse(self._seen, path, environ)

    def __call__(self) -> Configuration:
        with self._lock:
            try:
                self._renew()
            except ConfigurationError as error:
                self._say(str(error))
            return self._in_force

    def _renew(self) -> None:
        content = _read(self.path)
        if content == self._seen and not self.problem:
            return
        self._in_force = _parse(content, self.path, self._environ)
        self._seen, self.problem = content, ""
        logger.info("the configuration changed", file=str(self.path))

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            logger.error("the configuration is broken, the last good one stays in force", problem=problem)


def _read(path: Path) -> bytes:
    """The bytes of the file, bounded."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError([f"{path}: this is not a file: name one with --config"])
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        cure = f"name another with --config or {CONFIG_VARIABLE}, or copy the {DEFAULT_PATH} of the release"
        raise ConfigurationError([f"{path}: there is no such file: {cure}"]) from None
    except OSError as error:
        cure = "give the user that runs this process the right to read it"
        raise ConfigurationError([f"{path}: it cannot be read ({error.strerror}): {cure}"]) from None
    if len(content) > LARGEST_FILE:
        raise ConfigurationError([f"{path}: it is larger than 1 MiB: this cannot be a configuration"])
    return content


def _parse(content: bytes, path: Path, environ: Mapping[str, str]) -> Configuration:
    """The configuration in these bytes. Raises `ConfigurationError`, whatever a library trips over.

    Whoever has a last good file keeps it in force for this one error, and for no other.
    """
    try:
        return _understood(content, path, environ)
    except ConfigurationError:
        raise
    except Exception as error:
        problem = f"something in it cannot be read ({type(error).__name__}): take the last change back"
        raise ConfigurationError([f"{path}: {problem}"]) from error


def _understood(content: bytes, path: Path, environ: Mapping[str, str]) -> Configuration:
    data, root = _load_yaml(content, path)
    if token_file := environ.get(TOKEN_FILE_VARIABLE):
        intake = data.get("intake") or {}
        if isinstance(intake, dict):
            data = {**data, "intake": {**intake, "token": {"file": token_file}}}
    try:
        return Configuration.model_validate(data)
    except ValidationError as error:
        mistakes = [mistake for details in error.errors() for mistake in mistakes_in(details)]
    located = sorted((_located(mistake, root) for mistake in mistakes), key=lambda one: one[0])
    raise ConfigurationError([f"{path}:{line}: {text}" for line, text in located])


def _load_yaml(content: bytes, path: Path) -> tuple[dict[Any, Any], yaml.Node]:
    """The mapping in the file, and its nodes, which know their lines."""

    def refused(line: int, text: str) -> ConfigurationError:
        return ConfigurationError([f"{path}:{line}: {text}"])

    try:
        text = content.decode("utf-8-sig")
        loader = _Loader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise refused(1, "the file is empty or no mapping: it must hold keys such as services and alerts")
        _weigh(root, {}, path)
        if doubled := list(_doubled_keys(root, set())):
            raise ConfigurationError([f"{path}:{line}: {text}" for line, text in doubled])
        return cast(dict[Any, Any], loader.construct_document(root)), root
    except UnicodeDecodeError as error:
        raise refused(
            content[: error.start].count(b"\n") + 1, "this is not UTF-8: save it as UTF-8"
        ) from None
    except _Unreadable as error:
        raise refused(
            error.line, "a date or a number cannot be read: put it in quotes, without a tag"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = _PASTED.sub(r"\1", error.problem or error.context or "")
        problem = f"this is not YAML: {found}; check the indentation and the quotes"
        raise refused(mark.line + 1 if mark else 1, problem) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise refused(line, "there is a control character that YAML does not allow: take it out") from None
    except RecursionError:
        raise refused(1, "the file is nested too deeply: this cannot be a configuration") from None


class _Unreadable(Exception):
    """A value is not what its form or its tag says: `2026-02-31`, `!!bool maybe`."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class _Loader(yaml.SafeLoader):
    """PyYAML reads such a value with whatever its own code runs into; here it has a line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node. Raises `_Unreadable`."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, OverflowError):
            raise _Unreadable(_line(node)) from None


def _weigh(node: yaml.Node, weights: dict[int, int | None], path: Path) -> int:
    """How many nodes there are with every alias written out. Refuses bombs and circles."""
    if id(node) in weights:
        known = weights[id(node)]
        if known is None:
            raise ConfigurationError([f"{path}:{_line(node)}: an anchor contains itself: take the alias out"])
        return known
    weights[id(node)] = None
    weight = 1 + sum(_weigh(child, weights, path) for child in _children(node))
    if weight > MOST_NODES:
        raise ConfigurationError([f"{path}:{_line(node)}: the aliases unfold to too much: write it out"])
    weights[id(node)] = weight
    return weight


def _doubled_keys(node: yaml.Node, seen: set[int]) -> Iterator[tuple[int, str]]:
    """Every key that stands twice in one mapping; YAML would silently take the last."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            first = lines.setdefault(key.value, _line(key))
            if first != _line(key):
                yield _line(key), f"{key.value}: this key stands already on line {first}: keep one of them"
    for child in _children(node):
        yield from _doubled_keys(child, seen)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _line(node: yaml.Node) -> int:
    return cast(int, node.start_mark.line) + 1


def _located(mistake: Mistake, root: yaml.Node) -> tuple[int, str]:
    """The line, and `services.backend.port: what is wrong and the cure`.

    The way to the key may hold the tag of a union, which no line has: it is left out. A last
    part that is not in the file is a missing key: the line is the one of its parent.
    """
    node, line, key = root, 1, ""
    for i, part in enumerate(mistake.place):
        child = _child(node, part)
        if child is not None:
            node, line = child
        if part != "[key]" and (child is not None or i == len(mistake.place) - 1):
            key += f"[{part}]" if isinstance(part, int) else f".{part}"
    return line, ": ".join(filter(None, (key.lstrip("."), mistake.text)))


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((value, _line(key)) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part], _line(node.value[part])
    return None


def _printable(line: str) -> str:
    """One line: control characters, line breaks and broken Unicode as they are written in Python."""
    shown = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)
    return "".join(shown)
