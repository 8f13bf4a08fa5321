"""What may leave an activity: no secret, no control character, nothing unbounded."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.support.redaction import LINE_LIMIT, clean, clean_lines, excerpt, redact
from models.redaction.shapes import REDACTED

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("connect postgres://app:hunter2@db:5432/shop", "hunter2"),
        ("connect postgresql://app:pa/ss@word@db:5432/shop failed", "pa/ss"),
        ("redis://:s3cr3t@cache:6379", "s3cr3t"),
        ("clone https://ghp_abcdefghijklmnop@github.com/x", "ghp_abcdefghijklmnop"),
        ("Authorization: Bearer abc.def-123456", "abc.def-123456"),
        ("authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ('{"Authorization":"Token 0123456789"}', "0123456789"),
        ("sent bearer dGhpcyBpcyBhIHRva2Vu", "dGhpcyBpcyBhIHRva2Vu"),
        ("OPENAI_API_KEY=sk-proj-abcdefghijklmnop1234", "abcdefghijklmnop1234"),
        ("bad key sk-ant-api03-" + "Zz9_" * 8, "Zz9_Zz9_"),
        ("AKIAIOSFODNN7EXAMPLE was refused", "AKIAIOSFODNN7EXAMPLE"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "wJalrXUtnFEMI"),
        ("PASSWORD=correct-horse", "correct-horse"),
        ('{"password": "with \\"quotes\\" inside"}', "inside"),
        ("user=bob&token=abc123&x=1", "abc123"),
        ("GET /v1?key=AbCdEf12345", "AbCdEf12345"),
        ("db_passwd: 'two words'", "two words"),
        ("client_secret => deadbeefdeadbeef", "deadbeef"),
        (r"{\"apiKey\":\"0a1b2c3d4e5f\"}", "0a1b2c3d4e5f"),
        ("worker --api-key 0a1b2c3d --verbose", "0a1b2c3d"),
        ("ALTER USER app PASSWORD 'letmein'", "letmein"),
        ("the password is letmein", "letmein"),
        (f"jwt {JWT}", "dozjgNryP4J3jVmNHl0w5N"),
        ("Set-Cookie: sid=abc; Path=/", "abc"),
        ("posting to https://hooks.slack.com/services/T00/B00/XXXXXXXX", "XXXXXXXX"),
        ("https://discord.com/api/webhooks/123/abcDEF", "abcDEF"),
        ("token xoxb-1234567890-abcdef", "abcdef"),
        ("-----BEGIN RSA PRIVATE KEY----- MIIEow", "MIIEow"),
    ],
)
def test_hides_secrets(line: str, secret: str) -> None:
    assert secret not in clean(line)
    assert REDACTED in clean(line)


@pytest.mark.parametrize(
    "line",
    [
        "Error: listen EADDRINUSE: address already in use :::3000",
        "connect ECONNREFUSED 127.0.0.1:5432",
        "GET http://localhost:3000/health answered 503 in 12 ms",
        "FATAL: password authentication failed for user app",
        "spent max_tokens=1024 on 3 prompts, keys: 5",
        "SyntaxError: Unexpected token } in JSON at position 12",
        "basic authentication is off",
        "the author wrote a monkey: banana",
    ],
)
def test_leaves_ordinary_lines_alone(line: str) -> None:
    assert clean(line) == line


def test_removes_escapes_and_control_characters() -> None:
    dirty = "\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x00\x08 \u202ereversed\x9b2K end\r\nnext"
    assert clean(dirty) == "red bell reversed end next"


def test_finds_a_secret_that_is_hidden_behind_colours() -> None:
    assert "hunter2" not in clean("pass\x1b[1mword=\x1b[32mhunter2\x1b[0m")


def test_a_private_key_is_hidden_over_its_lines_even_from_its_middle() -> None:
    body = b"MIIEowIBAAKCAQEA" * 4
    whole = [
        b"before",
        b"-----BEGIN PRIVATE KEY-----",
        body,
        b"c2hvcnQ=",
        b"-----END PRIVATE KEY-----",
        b"after",
    ]
    cleaned = clean_lines(whole)
    assert cleaned[0] == "before"
    assert cleaned[-1] == "after"
    assert "MIIE" not in " ".join(cleaned)
    tail = clean_lines([body, body, b"-----END PRIVATE KEY-----", b"after"])
    assert tail == [REDACTED, REDACTED, REDACTED, "after"]


def test_binary_survives() -> None:
    (line,) = clean_lines([bytes(range(256)) * 8])
    assert all(character.isprintable() for character in line)


def test_an_excerpt_holds_what_was_found() -> None:
    line = "a" * 2000 + "EADDRINUSE" + "b" * 2000
    begin = line.index("EADDRINUSE")
    shown = excerpt(line, begin, begin + 10)
    assert "EADDRINUSE" in shown
    assert len(shown) <= LINE_LIMIT


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "password",
        "://",
        "=",
        "eyJ",
        "token=",
        '"',
        "bearer ",
        "\x1b[",
        "--key",
        "sk-",
        "sk-a",
        "mysql -",
        "%3A%2F%2F",
        "x:",
        "key=\\",
    ],
)
def test_no_line_takes_long(part: str) -> None:
    """A bound against rules that run away, in CPU time: what else the machine does counts for nothing."""
    line = part * 30_000 + "@"
    began = time.process_time()
    assert len(clean(line)) <= LINE_LIMIT
    assert time.process_time() - began < 3


@given(st.text(max_size=300))
def test_cleaning_is_bounded_and_printable(text: str) -> None:
    cleaned = clean(text, 100)
    assert len(cleaned) <= 100
    assert "\x1b" not in cleaned
    assert "\n" not in cleaned


@given(st.text(alphabet="abc:=/@ '\"[]tokenpassword", max_size=80))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(redact(once)) == redact(once)
