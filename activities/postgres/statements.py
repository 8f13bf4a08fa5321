"""What the text of a statement tells: without its values, the tables it uses, the index that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from activities.support.redaction import clean

SHOWN = 300
"""Characters of a statement that are told."""

_VALUES = re.compile(
    r"\$(\w*)\$.*?\$\1\$"
    r"|[EBXNUeb&]{0,2}'(?:[^'\\]|\\.|'')*(?:'|$)"
    r"|(?<![\w$.\"])[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b",
    re.S,
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)|--[^\n]*", re.S)
_MANY = re.compile(r"\(\s*(?:\?|\$\d+)(?:\s*,\s*(?:\?|\$\d+))+\s*\)")
_NAME = r"(?:\"[^\"]+\"|[A-Za-z_][\w$]*)"
_USED = re.compile(
    rf"\b(?:from|join|update|into|only)\s+(?P<table>{_NAME}(?:\.{_NAME})?)(?:\s+(?:as\s+)?(?P<alias>(?!"
    rf"where\b|join\b|on\b|set\b|inner\b|left\b|right\b|full\b|cross\b|order\b|group\b|limit\b|values\b|using\b|"
    rf"natural\b|union\b|having\b|for\b|returning\b){_NAME}))?",
    re.I,
)
_EQUAL = re.compile(
    rf"(?<![\w$\"])(?:(?P<function>lower|upper|date)\(\s*)?(?:(?P<of>{_NAME})\.)?(?P<column>{_NAME})\s*\)?"
    rf"(?:::\w+)?"
    rf"\s*(?:=|\bin\b)\s*",
    re.I,
)
_BACKWARDS = re.compile(rf"=\s*(?:(?P<of>{_NAME})\.)(?P<column>{_NAME})", re.I)
_CONDITIONS = re.compile(r"\b(?:where|on)\b(?P<rest>.*)", re.I | re.S)
_BUILDS = re.compile(
    r"^\s*(vacuum|analyze|create|reindex|cluster|refresh|alter|copy|explain|autovacuum:)", re.I
)
_MOST_COLUMNS = 3


@dataclass(frozen=True)
class Table:
    """A table, its columns, and its indexes by the names of their columns: an expression has none."""

    schema: str
    name: str
    columns: frozenset[str] = frozenset()
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def quoted(self) -> str:
        return f"{quote(self.schema)}.{quote(self.name)}"

    @property
    def full(self) -> str:
        return f"{self.schema}.{self.name}"


def quote(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def without_values(text: str) -> str:
    """The statement with `?` in place of every value: it may be a person's data."""
    bare = _VALUES.sub("?", _COMMENT.sub(" ", text))
    return clean(_MANY.sub("(?)", re.sub(r"\s+", " ", bare)), SHOWN)


def is_maintenance(text: str) -> bool:
    """It works on the database itself, as a dump and an index build do."""
    return bool(_BUILDS.match(_COMMENT.sub(" ", text)))


def tables_in(text: str, tables: Iterable[Table]) -> tuple[Table, ...]:
    """Which of these tables a statement names."""
    named = {_bare(found["table"]) for found in _USED.finditer(_COMMENT.sub(" ", text))}
    return tuple(one for one in tables if one.name in named or one.full in named)


def missing_index(text: str, table: Table) -> str:
    """`CREATE INDEX` for the columns of `table` that the statement compares for equality.

    Empty where an index begins with one of them, or the text does not tell: it has no such condition, or
    is cut off before it.
    """
    text = _COMMENT.sub(" ", text)
    rest = _CONDITIONS.search(text)
    if rest is None:
        return ""
    aliases, several = _aliases(text), len(_USED.findall(text)) > 1
    columns: dict[str, str] = {}
    for found in (*_EQUAL.finditer(rest["rest"]), *_BACKWARDS.finditer(rest["rest"])):
        column, of, function = _bare(found["column"]), found["of"], found.groupdict().get("function")
        named = aliases.get(_bare(of), _bare(of)) if of else ("" if several else table.name)
        if named in (table.name, table.full) and column in table.columns:
            columns.setdefault(column, f"{function.lower()}({quote(column)})" if function else quote(column))
    plain = {name for name, written in columns.items() if written == quote(name)}
    if not columns or any(index and index[0] in plain for index in table.indexes):
        return ""
    return f"CREATE INDEX CONCURRENTLY ON {table.quoted} ({', '.join(_in_index(columns))})"


def _in_index(columns: Mapping[str, str]) -> Sequence[str]:
    return list(columns.values())[:_MOST_COLUMNS]


def _aliases(text: str) -> dict[str, str]:
    return {_bare(one["alias"]): _bare(one["table"]) for one in _USED.finditer(text) if one["alias"]}


def _bare(name: str) -> str:
    """A name as the catalog has it: unquoted ones are in lower case."""
    return ".".join(
        part[1:-1].replace('""', '"') if part.startswith('"') else part.lower()
        for part in re.findall(_NAME, name)
    )
