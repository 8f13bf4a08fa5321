"""How many planted secrets are found, and which ordinary lines stay readable."""

from __future__ import annotations

import pytest

from activities.support.redaction import clean, clean_lines, redact
from tests.unit.redaction.corpus import ORDINARY, Planted, planted

TWICE = (
    "password=brown-bear-1",
    "password=@file-of-it",
    "token=u'x1'",
    "secret: required now",
)


@pytest.mark.parametrize("one", planted(), ids=lambda one: one.line[:40])
def test_a_secret_in_a_public_format_or_a_usual_form_is_hidden(one: Planted) -> None:
    assert one.secret not in clean(one.line, 4096)


@pytest.mark.parametrize("line", ORDINARY)
def test_an_ordinary_line_of_a_log_stays_readable(line: str) -> None:
    assert clean(line) == line.strip()


@pytest.mark.parametrize(
    "name", ["password:", '"token":', "  api_key: |", "client_secret =", '"--password",']
)
def test_a_value_below_its_name_is_hidden(name: str) -> None:
    kept = clean_lines([b"before", name.encode(), b"    plain-looking-words-7", b"started in 4 seconds"])
    assert "plain-looking" not in " ".join(kept)
    assert kept[-1] == "started in 4 seconds"


def test_a_line_of_words_below_a_name_stays() -> None:
    assert clean_lines([b"asked for the token:", b"nobody answered in time"])[1] == "nobody answered in time"


@pytest.mark.parametrize("line", [*ORDINARY, *(one.line for one in planted()), *TWICE])
def test_what_was_redacted_stays_as_it_is(line: str) -> None:
    assert redact(redact(line)) == redact(line)


def test_nothing_is_left_of_a_value_that_begins_like_the_mark_of_a_string() -> None:
    assert redact("password=brown-bear-1") == "password=[redacted]"
    assert redact("password=b'brown-bear-1'") == "password=b[redacted]"


@pytest.mark.parametrize("code", ["ECONNREFUSED", "EADDRINUSE"])
def test_the_code_of_an_error_below_a_name_stays(code: str) -> None:
    assert clean_lines([b"Unexpected token:", code.encode()])[1] == code
