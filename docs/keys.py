"""Every key of `runbooks.yaml` with its type, its default and its meaning, read from the models.

A model that several places share is described once, where it stands first.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from models.base import in_bytes, parse_size
from models.configuration.configuration import Configuration
from models.service.secret import SecretRef

NAME = "NAME"
"""Stands in a path for a name that the operator chooses."""

_PLAIN = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    datetime: "time",
    date: "date",
    time: "time of day",
    SecretRef: "secret",
}
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class Key(NamedTuple):
    """One row of the reference."""

    name: str
    type: str
    default: str
    meaning: str


class Section(NamedTuple):
    """The keys of one model, at the first place where it stands."""

    place: str
    meaning: str
    keys: list[Key]


def tables() -> str:
    """The reference as Markdown: a heading and a table for each model."""
    return "\n".join(_table(one) for one in sections())


def _table(section: Section) -> str:
    place = f"`{section.place}`" if section.place else "The whole file"
    rows = "".join(f"| {' | '.join(_cell(one) for one in _shown(key))} |\n" for key in section.keys)
    return (
        f"### {place}\n\n{section.meaning}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{rows}"
    )


def _shown(key: Key) -> tuple[str, ...]:
    return (f"`{key.name}`", key.type, key.default, key.meaning)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def sections() -> Iterator[Section]:
    """The whole file from above to below."""
    waiting: list[tuple[str, type[BaseModel]]] = [("", Configuration)]
    seen: set[type[BaseModel]] = {SecretRef}
    while waiting:
        place, model = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        keyed = place.endswith(NAME)  # the name is the key itself
        fields = {name: one for name, one in model.model_fields.items() if not (keyed and name == "name")}
        said = _meanings(model)
        keys = [
            Key(name, _type(_whole(one)), _default(one), said.get(name, "")) for name, one in fields.items()
        ]
        yield Section(place, _first_paragraph(model), keys)
        waiting += [
            (f"{place}.{name}{path}".lstrip("."), below)
            for name, one in fields.items()
            for path, below in _models(_whole(one))
        ]


def _whole(field: FieldInfo) -> Any:
    """The type with what stands beside it, such as the reader of a size."""
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _models(annotation: Any, path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """The models within a type, and how one gets to them."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield path, annotation
    elif origin is Annotated:
        yield from _models(arguments[0], path)
    elif _is_mapping(origin):
        yield from _models(arguments[1], f"{path}.{NAME}")
    elif origin is tuple:
        yield from _models(arguments[0], f"{path}[]")
    else:
        for one in arguments:
            yield from _models(one, path)


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "size" if _is_size(arguments[1:]) else _type(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(one) for one in arguments if one is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if _is_mapping(origin):
        return f"mapping of {_type(arguments[1])}"
    return f"list of {_type(arguments[0])}" if origin is tuple else _plain(annotation)


def _plain(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{one.value}`" for one in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation is not SecretRef:
        return "keys"
    return _PLAIN.get(annotation, "any")


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_size(beside: tuple[Any, ...]) -> bool:
    return any(isinstance(one, BeforeValidator) and one.func is parse_size for one in beside)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return (
        f"`{in_bytes(value)}`"
        if "size" in _type(_whole(field)) and isinstance(value, int)
        else _written(value)
    )


def _written(value: Any) -> str:
    """A default as one writes it in the file; the keys below say those of a model."""
    if value in (None, "", ()) or isinstance(value, BaseModel | dict):
        return ""
    if isinstance(value, timedelta):
        return f"`{_duration(value)}`"
    if isinstance(value, tuple):
        return ", ".join(_written(one) for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    if seconds != int(seconds):
        return f"{seconds * 1000:.0f}ms"
    whole = next(((unit, size) for unit, size in _UNITS if seconds % size == 0), ("s", 1))
    return f"{int(seconds // whole[1])}{whole[0]}"


@cache
def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """The text under each field, of the model and of those that it extends."""
    inherited = (_meanings(base) for base in model.__bases__ if issubclass(base, BaseModel))
    found = {name: text for one in inherited for name, text in one.items()}
    if model.__module__.startswith("pydantic"):
        return found
    body = next(node for node in ast.parse(_source(model)).body if isinstance(node, ast.ClassDef)).body
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                found[name] = " ".join(said.split())
    return found


def _source(model: type[BaseModel]) -> str:
    return textwrap.dedent(inspect.getsource(model))


def _first_paragraph(model: type[BaseModel]) -> str:
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())
