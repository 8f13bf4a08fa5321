"""Edits the text of an env file: changes the given settings and nothing else.

Comments, order, quotes, `export` and line ends are kept. Of a duplicate key the last one is changed,
because readers use that one. Nothing here reads or writes files.
"""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Iterator, Mapping

from dotenv.parser import Binding, parse_stream

from activities.support.redaction import printable
from models.redaction.redact import redact
from models.redaction.shapes import REDACTED
from models.text import shorten

_BOM = "\ufeff"
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=~^-]*")
"""What means the same to every reader of env files without quotes around it."""

_BINDING = re.compile(
    r"(?P<head>\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=\#\s]+))(?P<space>[^\S\r\n]*)"
    r"(?:=(?=[^\S\r\n]+\#)"  # no value yet, only a comment
    r"|(?P<equals>=[^\S\r\n]*)"
    r"""(?P<value>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\r\n]*?(?=\s+\#|[^\S\r\n]*(?:\r|\n|\Z))))?"""
    r"(?P<tail>.*)\Z",
    re.DOTALL,
)
_SECRET_WORDS = frozenset(
    {
        *("APIKEY", "AUTH", "COOKIE", "CREDENTIAL", "CREDENTIALS", "DSN", "KEY", "PASS", "PASSPHRASE"),
        *("PASSWD", "PASSWORD", "PIN", "PRIVATE", "PWD", "SALT", "SECRET", "SECRETS", "SIGNATURE", "TOKEN"),
    }
)
_LINE_SHOWN = 300
_NO_SETTING = "(not a setting)"
_CONTEXT = 1


class CannotEdit(Exception):
    """The file cannot be edited; one sentence, without any value of the file."""


def values_in(text: str) -> dict[str, str]:
    """The settings in the text."""
    return {one.key: one.value for one in _bindings(text) if one.key and one.value is not None}


def edit(text: str, values: Mapping[str, str]) -> str:
    """The text with these settings changed. Raises `CannotEdit`."""
    for key, value in values.items():
        _refuse(key, value)
    bom, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    bindings = list(_bindings(body))
    pieces = [one.original.string for one in bindings]
    end = _line_end(body)
    for key, value in values.items():
        places = [index for index, one in enumerate(bindings) if one.key == key]
        if not places:
            if pieces and not pieces[-1].endswith(("\n", "\r")):
                pieces[-1] += end
            pieces.append(f"{key}={_written(value, '')}{end}")
        elif bindings[places[-1]].value != value:
            pieces[places[-1]] = _replaced(pieces[places[-1]], value)
    edited = "".join(pieces)
    if values_in(edited) != {**values_in(body), **values}:
        raise CannotEdit("the file is written in a way that cannot be edited safely: change it by hand")
    return bom + edited


def diff(before: str, after: str, name: str, values: Mapping[str, str]) -> str:
    """The change as a unified diff of settings; empty without a change.

    Secrets around it are hidden, and so is every line that is no setting: it may be anything. What is
    hidden follows from the text alone: the plan and the action may be made by different processes.
    """
    lines = difflib.unified_diff(
        _shown(before, values),
        _shown(after, values),
        f"{name} (now)",
        f"{name} (then)",
        n=_CONTEXT,
        lineterm="",
    )
    return "\n".join(lines)


def looks_secret(key: str) -> bool:
    """Whether the value of this setting must never be shown."""
    return not _SECRET_WORDS.isdisjoint(key.upper().split("_"))


def _refuse(key: str, value: str) -> None:
    if not _KEY.fullmatch(key):
        raise CannotEdit(f"{shorten(printable(key), 60)!r} is not the name of a setting")
    if looks_secret(key) or redact(value) != value:
        raise CannotEdit(f"{key} looks like a secret, which is never shown in an approval: change it by hand")
    if printable(value) != value:
        raise CannotEdit(f"the value for {key} holds characters that an env file cannot hold")


def _replaced(original: str, value: str) -> str:
    match = _BINDING.match(original)
    if match is None:
        raise CannotEdit("the file is written in a way that cannot be edited safely: change it by hand")
    old = match["value"] or ""
    quote = old[0] if old[:1] in ("'", '"') else ""
    before = f"{match['space']}{match['equals']}" if match["equals"] else "="
    return f"{match['head']}{before}{_written(value, quote)}{match['tail']}"


def _written(value: str, quote: str) -> str:
    """The value as written in the file: in the quotes that were there, if they can hold it."""
    if quote == "'" and not set(value) & set("'\\"):
        return f"'{value}'"
    if quote == '"' and not set(value) & set('"\\$`'):
        return f'"{value}"'
    if not quote and _PLAIN.fullmatch(value):
        return value
    if not set(value) & set("'\\"):
        return f"'{value}'"  # taken literally by Compose, by shells and by dotenv
    if not set(value) & set('"\\$`'):
        return f'"{value}"'
    raise CannotEdit("no quotes can hold this value so that every reader takes it literally")


def _bindings(text: str) -> Iterator[Binding]:
    return parse_stream(io.StringIO(text, newline=""))


def _line_end(text: str) -> str:
    match = re.search(r"\r\n|\n|\r", text)
    return match[0] if match else "\n"


def _shown(text: str, values: Mapping[str, str]) -> list[str]:
    """The lines, without secrets; as many as there are."""
    lines: list[str] = []
    for binding in _bindings(text):
        own = binding.original.string.splitlines()
        lines += own if binding.key in values else _hidden(binding, own)
    return [shorten(printable(line), _LINE_SHOWN) for line in lines]


def _hidden(binding: Binding, lines: list[str]) -> list[str]:
    """Unchanged lines: settings, with possible secrets hidden, and nothing of any other line."""
    if binding.error or binding.value is None or not _KEY.fullmatch(binding.key or ""):
        return [_NO_SETTING if line.strip() else "" for line in lines]
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    setting = "\n".join(lines[first:])
    if not looks_secret(binding.key or "") and redact(setting) == setting:
        return lines
    name = re.match(r"[^=]*=", lines[first])
    shown = f"{name[0]}{REDACTED}" if name else REDACTED
    return [*lines[:first], shown, *([REDACTED] * (len(lines) - first - 1))]
