"""Reads YAML safely, and names the line of each mistake: no custom tags, duplicate keys or alias bombs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

DEEPEST = 50
MOST_NODES = 100_000
"""Keys and values with every alias written out: far above any real file, far below an alias bomb."""

_MERGE = "tag:yaml.org,2002:merge"

_PASTED = re.compile(r"(alias|handle|tag|duplicate key) ['\"].*", re.DOTALL)
"""Where the parser repeats what it read: a secret that begins with * or ! is read as these, and
a duplicate key is told with its values."""


class Unreadable(Exception):
    """The text is not valid YAML. `mistakes` holds a line and a sentence for each."""

    def __init__(self, *mistakes: tuple[int, str]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes


@dataclass(frozen=True)
class Document:
    """The mapping in a file, as plain values, and where each of them stands."""

    data: dict[Any, Any]
    root: Node

    def locate(self, place: Sequence[str | int]) -> tuple[int, str]:
        """The line of a place, and how a person writes it: `services.backend.aliases[0]`.

        The way may hold the tag of a union, which no line has: it is left out. A last part that
        is not in the file is a missing key: the line is the one of its parent.
        """
        node, line, key = self.root, 1, ""
        for i, part in enumerate(place):
            child = _child(node, part)
            if child is not None:
                node, line = child
            if part != "[key]" and (child is not None or i == len(place) - 1):
                key += f"[{part}]" if isinstance(part, int) else f".{part}"
        return line, key.lstrip(".")


def parse(content: bytes) -> Document:
    """Read one mapping. Raises `Unreadable`."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    yaml.max_depth = DEEPEST
    yaml.composer.warn_double_anchors = False
    try:
        text = content.decode("utf-8-sig")
        root = yaml.compose(text)
        if not isinstance(root, MappingNode):
            raise Unreadable((1, "the file must be a mapping with keys such as services and alerts"))
        weights: dict[Node, int | None] = {}
        _weigh(root, weights)
        mappings = (node for node in weights if isinstance(node, MappingNode))
        value_of = yaml.constructor.construct_object
        if doubled := [mistake for mapping in mappings for mistake in _doubled_keys(mapping, value_of)]:
            raise Unreadable(*doubled)
        return Document(yaml.constructor.construct_document(root), root)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unreadable((line, "this is not UTF-8: save it as UTF-8")) from None
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise Unreadable((line, "there is a control character that YAML does not allow: remove it")) from None
    except MaxDepthExceededError:
        raise Unreadable((1, "the file is nested too deeply: this cannot be a configuration")) from None
    except MarkedYAMLError as error:
        found = _PASTED.sub(r"\1", error.problem or error.context or "")
        problem = f"this is not YAML: {found}; check the indentation and the quotes"
        mark = error.problem_mark or error.context_mark
        raise Unreadable((mark.line + 1 if mark else 1, problem)) from None


class _Constructor(SafeConstructor):
    def construct_object(self, node: Node, deep: bool = False) -> Any:
        """The value of a node. Raises `Unreadable` for what is not what its form or its tag says."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, OverflowError):
            cure = "a date or a number is invalid: put it in quotes, without a tag"
            raise Unreadable((_line(node), cure)) from None


def _weigh(node: Node, weights: dict[Node, int | None]) -> int:
    """The number of nodes with every alias expanded. Refuses alias bombs and cycles."""
    if node in weights:
        known = weights[node]
        if known is None:
            raise Unreadable((_line(node), "an anchor contains itself: remove the alias"))
        return known
    weights[node] = None
    weight = 1 + sum(_weigh(child, weights) for child in _children(node))
    if weight > MOST_NODES:
        raise Unreadable((_line(node), f"the aliases expand to more than {MOST_NODES} nodes: use fewer"))
    weights[node] = weight
    return weight


def _doubled_keys(mapping: MappingNode, value_of: Callable[..., Any]) -> Iterator[tuple[int, str]]:
    """Every duplicate key of one mapping, however each is written: an alias, or `1` and `0x1`.

    The loader itself misses those beside a merge (`<<`), and its error repeats their values.
    """
    first: dict[str, int] = {}
    for key, _ in mapping.value:
        value = key.value if key.tag == _MERGE else value_of(key, deep=True)
        text = key.value if isinstance(key, ScalarNode) else "a list as a key"
        same = (text if isinstance(key, ScalarNode) else str(value), str(value))
        if known := [first[one] for one in same if one in first]:
            yield _line(key), f"{text}: duplicate key, first on line {min(known)}: keep one of them"
        for one in same:
            first.setdefault(one, _line(key))


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _child(node: Node, part: str | int) -> tuple[Node, int] | None:
    """The value at a key or index, and its line; a key of the mapping itself hides one that is merged in."""
    if isinstance(node, MappingNode):
        pairs = reversed(node.value)
        return next(((value, _line(key)) for key, value in pairs if key.value == str(part)), None)
    if isinstance(node, SequenceNode) and isinstance(part, int):
        return node.value[part], _line(node.value[part])
    return None


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
