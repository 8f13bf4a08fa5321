"""The errors of pydantic as sentences with a cure.

No sentence repeats a value from a place where a secret might have been pasted by mistake.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from models.configuration.configuration import Configuration
from models.configuration.consistency import Inconsistent, Mistake, Place, closest
from models.service.secret import SecretRef

_SECRET = "a secret is never written here: name its variable (env: NAME) or file (file: PATH)"  # noqa: S105
_WORDS = {
    "missing": "this key is missing: add it",
    "union_tag_not_found": "the kind is missing: add the key {discriminator}",
    "union_tag_invalid": "there is no such kind: must be one of {expected_tags}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "this does not have the form {pattern}",
    "model_type": "must be a mapping: write its keys indented below it",
}


def mistakes_in(details: ErrorDetails) -> Sequence[Mistake]:
    """The mistakes behind one error of pydantic, which may hold several."""
    error = details.get("ctx", {}).get("error")
    if isinstance(error, Inconsistent):
        return error.mistakes
    return [Mistake(details["loc"], _in_words(details))]


def _in_words(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no such key; {_instead(details['loc'])}"
    if context.get("class_name") == SecretRef.__name__:
        return _SECRET
    if kind == "string_pattern_mismatch" and details["loc"][-1] == "env":
        return "must be the name of a variable, in capitals, and never the secret itself"
    if kind in _WORDS:
        return _WORDS[kind].format(**context)
    return details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _instead(place: Place) -> str:
    """The nearest key that exists at this place, else all of them."""
    schemas = [_schema()]
    for part in place[:-1]:
        schemas = [further for schema in schemas for further in _below(schema, part)]
    keys = {key for schema in schemas for one in _resolved(schema) for key in one.get("properties", {})}
    return closest(str(place[-1]), keys) or f"known: {', '.join(sorted(keys))}"


@functools.cache
def _schema() -> dict[str, Any]:
    return Configuration.model_json_schema()


def _resolved(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema with its reference followed and its alternatives spread out."""
    if "$ref" in schema:
        return _resolved(_schema()["$defs"][schema["$ref"].rsplit("/", 1)[-1]])
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return [one for option in options for one in _resolved(option)] or [schema]


def _below(schema: dict[str, Any], part: str | int) -> list[dict[str, Any]]:
    """The schemas below one part of a path; the tag of a union is a part of its own."""
    kinds = schema.get("discriminator", {}).get("mapping", {})
    if part in kinds:
        return _resolved({"$ref": kinds[part]})
    found: list[dict[str, Any]] = []
    for one in _resolved(schema):
        if part in one.get("properties", {}):
            found.append(one["properties"][part])
        else:
            others = (one.get("items"), one.get("additionalProperties"))
            found += [other for other in others if isinstance(other, dict)]
            found += one.get("patternProperties", {}).values()
    return found
