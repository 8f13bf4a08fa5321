"""What `--json` prints: one document, in which nothing is obeyed by a terminal."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from console.output import as_document, as_json

CONSOLE = Path(__file__).parents[3] / "console"
TRICKS = (
    *(
        "\x1b[31mred",
        "\x7f",
        "\x9b31m",
        "\x85next",
        "\u202eabc",
        "\u2066x\u2069",
        "\u200bzero width",
        "\u2028line",
    ),
    *("\ufeffmark", "\U000e0041tag", "\ud800", "two\nlines", 'a "quoted" \\ back'),
)
READABLE = ("Ärger in 東京", "🔥 it burns", "a\\u202e")


@pytest.mark.parametrize("text", [*TRICKS, *READABLE])
def test_a_document_tells_the_text_and_is_printable(capsys: pytest.CaptureFixture[str], text: str) -> None:
    as_json({"reason": text, text: [text]})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"reason": text, text: [text]}
    assert all(character.isprintable() for line in printed.split("\n") for character in line)
    as_document(json.dumps({"reason": text}, ensure_ascii=False))
    again = capsys.readouterr().out
    assert json.loads(again) == {"reason": text}
    assert all(character.isprintable() for line in again.split("\n") for character in line)


@pytest.mark.parametrize("text", READABLE)
def test_what_people_write_stays_readable(capsys: pytest.CaptureFixture[str], text: str) -> None:
    as_json({"reason": text})
    assert json.dumps(text, ensure_ascii=False) in capsys.readouterr().out


def test_every_command_prints_its_document_there() -> None:
    """Through rich, or through the one function: nothing else writes to a terminal."""
    wild = [
        f"{path.name}:{node.lineno}"
        for path in CONSOLE.rglob("*.py")
        if path.name != "output.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in ("echo", "secho", "stdout", "print_json"))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
    ]
    assert not wild
