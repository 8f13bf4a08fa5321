"""What the process has read as a secret is hidden in every form in which it is written."""

from __future__ import annotations

import base64
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from activities.support.redaction import clean
from activities.support.secrets import resolve
from models.redaction.known import KnownSecrets
from models.service.secret import SecretRef
from runtime.connection import connect_config

SECRET = 'correct horse "battery" & staple/ü'


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET.encode().hex(),
    ],
)
def test_a_known_secret_is_hidden_in_each_encoding(written: str) -> None:
    known = KnownSecrets()
    known.remember(SECRET)
    hidden = known.hide(f"sent {written} to it")
    assert hidden != f"sent {written} to it"
    assert "horse" not in hidden


@pytest.mark.parametrize("name", ["a", "ab", "abc", "admin"])
def test_a_known_secret_is_hidden_in_a_basic_header_behind_any_name(name: str) -> None:
    known = KnownSecrets()
    known.remember("horse-battery")
    pair = base64.b64encode(f"{name}:horse-battery".encode()).decode()
    assert "[redacted]" in known.hide(pair)


def test_a_short_secret_hides_no_words() -> None:
    known = KnownSecrets()
    known.remember("on")
    assert known.hide("the service is on") == "the service is on"


@pytest.mark.parametrize("form", [" {}", "{}\n", "{}\r\n", "\t{} \n"])
def test_blanks_and_line_ends_around_a_secret_are_left_out(tmp_path: Path, form: str) -> None:
    (tmp_path / "token").write_text(form.format("s3cr3t-value"))
    os.environ["RUNBOOKS_TEST_PADDED"] = form.format("s3cr3t-value")
    try:
        for ref in (SecretRef(env="RUNBOOKS_TEST_PADDED"), SecretRef(file=str(tmp_path / "token"))):
            assert resolve(ref) == "s3cr3t-value"
    finally:
        del os.environ["RUNBOOKS_TEST_PADDED"]


def test_what_is_read_as_a_secret_is_hidden_from_then_on(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("plain words of a pass phrase that is no pattern\n")
    line = "it said: plain words of a pass phrase that is no pattern."
    assert clean(line) == line
    resolve(SecretRef(file=str(file)))
    assert clean(line) == "it said: [redacted]."


def test_the_key_for_temporal_is_hidden() -> None:
    os.environ["TEMPORAL_API_KEY"] = "plain words of another phrase"
    try:
        connect_config()
    finally:
        del os.environ["TEMPORAL_API_KEY"]
    assert clean("it said: plain words of another phrase") == "it said: [redacted]"


@pytest.mark.parametrize("word", ["postgres", "backend", "web-api", "a1b2c3", "shop"])
def test_a_secret_that_is_an_ordinary_word_hides_no_evidence(word: str) -> None:
    known = KnownSecrets()
    known.remember(word)
    assert known.hide(f"{word} is down") == f"{word} is down"


def test_a_short_word_is_hidden_where_it_is_encoded() -> None:
    known = KnownSecrets()
    known.remember("postgres")
    assert "[redacted]" in known.hide(base64.b64encode(b"admin:postgres").decode())


def test_a_long_word_is_hidden_where_it_stands_alone() -> None:
    known = KnownSecrets()
    known.remember("antidisestablish")
    assert known.hide("refused antidisestablish.") == "refused [redacted]."
    assert known.hide("antidisestablishment") == "antidisestablishment"


def test_a_secret_with_a_digit_is_hidden_inside_of_what_surrounds_it() -> None:
    known = KnownSecrets()
    known.remember("hunter22")
    assert known.hide("xhunter22y") == "x[redacted]y"


def test_what_threads_read_at_once_is_all_hidden() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            known, secrets = KnownSecrets(), [f"horse-{number}-battery" for number in range(16)]
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(known.remember, secrets))
            assert [one for one in secrets if known.hide(one) != "[redacted]"] == []
    finally:
        sys.setswitchinterval(before)


def test_the_password_in_the_address_of_a_database_is_hidden_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://app:Staple%2FHorse7@db:5432/shop?sslmode=require\n")
    resolve(SecretRef(file=str(file)))
    assert clean("tried Staple/Horse7 and Staple%2FHorse7") == "tried [redacted] and [redacted]"
