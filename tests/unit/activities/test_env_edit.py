"""An env file is edited to the letter: what was not asked for stays as it is, byte by byte."""

from __future__ import annotations

import io

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from hypothesis import given
from hypothesis import strategies as st

from activities.files.env_edit import CannotEdit, diff, edit, looks_secret, values_in
from models.redaction.known import KNOWN

FILE = """\
# The settings of the backend.
NODE_ENV=production

export DAILY_LOOP_INTERVAL=3600   # hourly
MAX_VIDEOS_PER_RUN='10'
MAX_PRODUCTS_PER_RUN = "20" # at once
DATABASE_URL=postgres://app:hunter2hunter2@db/app
OPENAI_API_KEY=sk-0123456789abcdef0123456789
"""


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("PORT=1", "PORT=2"),
        ("PORT=1\n", "PORT=2\n"),
        ("PORT=1\r\n", "PORT=2\r\n"),
        ("export PORT=1 # why\n", "export PORT=2 # why\n"),
        ("  PORT = 1\n", "  PORT = 2\n"),
        ("PORT='1' # why\n", "PORT='2' # why\n"),
        ('PORT="1"\n', 'PORT="2"\n'),
        ('PORT="1\n1"\nNEXT=x\n', 'PORT="2"\nNEXT=x\n'),
        ("PORT=\n", "PORT=2\n"),
        ("PORT= # none yet\n", "PORT=2 # none yet\n"),
        ("PORT\n", "PORT=2\n"),
        ("PORT=1#1\n", "PORT=2\n"),
        ("'PORT'=1\n", "'PORT'=2\n"),
        ("PORT=1\nPORT=1\n", "PORT=1\nPORT=2\n"),
        ("PORT=2\nPORT=1\n", "PORT=2\nPORT=2\n"),
        ("# PORT=1\n", "# PORT=1\nPORT=2\n"),
        ("PORTS=1", "PORTS=1\nPORT=2\n"),
        ("A=1\r\nB=2", "A=1\r\nB=2\r\nPORT=2\r\n"),
        ("", "PORT=2\n"),
        ("\ufeffPORT=1\n", "\ufeffPORT=2\n"),
        ("what is this?\nPORT=1\n", "what is this?\nPORT=2\n"),
        ("PORT='2'\n", "PORT='2'\n"),
    ],
)
def test_only_the_value_changes(line: str, becomes: str) -> None:
    assert edit(line, {"PORT": "2"}) == becomes


@pytest.mark.parametrize(
    ("line", "value", "becomes"),
    [
        ("PORT=1\n", "a b", "PORT='a b'\n"),
        ("PORT=1\n", "--max-old-space-size=4096", "PORT=--max-old-space-size=4096\n"),
        ("PORT=1\n", "a#b $HOME", "PORT='a#b $HOME'\n"),
        ("PORT=1\n", "it's", 'PORT="it\'s"\n'),
        ('PORT="1"\n', "$HOME", "PORT='$HOME'\n"),
        ("PORT='1'\n", "it's", 'PORT="it\'s"\n'),
        ("PORT=1\n", "", "PORT=\n"),
    ],
)
def test_values_are_quoted_when_a_reader_would_take_them_for_something_else(
    line: str, value: str, becomes: str
) -> None:
    assert edit(line, {"PORT": value}) == becomes
    assert dotenv_values(stream=io.StringIO(becomes), interpolate=False) == {"PORT": value}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"1KEY": "x"}, "not the name of a setting"),
        ({"A B": "x"}, "not the name of a setting"),
        ({"STRIPE_SECRET": "x"}, "looks like a secret"),
        ({"DATABASE_URL": "postgres://app:hunter2hunter2@db/app"}, "looks like a secret"),
        ({"KEYBOARD": "x\ny"}, "an env file cannot hold"),
        ({"KEYBOARD": "x\x00"}, "an env file cannot hold"),
        ({"KEYBOARD": "it's $5"}, "no quotes can hold"),
    ],
)
def test_what_must_not_be_written_is_refused_without_its_value(values: dict[str, str], why: str) -> None:
    with pytest.raises(CannotEdit, match=why) as refused:
        edit(FILE, values)
    assert "hunter2" not in str(refused.value)


def test_a_number_of_tokens_is_no_secret() -> None:
    assert not looks_secret("OPENAI_MAX_TOKENS")
    assert looks_secret("OPENAI_TOKEN")
    assert edit("OPENAI_MAX_TOKENS=9\n", {"OPENAI_MAX_TOKENS": "5"}) == "OPENAI_MAX_TOKENS=5\n"


def test_the_diff_is_exact_and_hides_the_secrets_around_it() -> None:
    values = {"MAX_PRODUCTS_PER_RUN": "10", "OPENAI_MAX_TOKENS": "500"}
    shown = diff(FILE, edit(FILE, values), ".env", values)
    assert shown.splitlines() == [
        "--- .env (now)",
        "+++ .env (then)",
        "@@ -5,4 +5,5 @@",
        " MAX_VIDEOS_PER_RUN='10'",
        '-MAX_PRODUCTS_PER_RUN = "20" # at once',
        '+MAX_PRODUCTS_PER_RUN = "10" # at once',
        " DATABASE_URL=[redacted]",
        " OPENAI_API_KEY=[redacted]",
        "+OPENAI_MAX_TOKENS=500",
    ]


def test_a_secret_of_several_lines_is_hidden_as_a_whole() -> None:
    text = 'TLS_PRIVATE="-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF"\nPORT=1\n'
    shown = diff(text, edit(text, {"PORT": "2"}), ".env", {"PORT": "2"})
    assert "kqhki" not in shown
    assert "-PORT=1\n+PORT=2" in shown


def test_a_line_that_cannot_be_read_is_hidden() -> None:
    text = "PASSWORD 'hunter2\nPORT=1\n"
    assert "hunter2" not in diff(text, edit(text, {"PORT": "2"}), ".env", {"PORT": "2"})


NAMES = st.sampled_from(["ALPHA", "BETA", "GAMMA", "DELTA"])
VALUES = st.text("abc019 _./:'\"#$\\=`-", max_size=12)
LINES = st.lists(
    st.one_of(
        st.builds("{}={}".format, NAMES, VALUES),
        st.builds("export {}='{}' # why".format, NAMES, st.text("abc #$", max_size=8)),
        st.builds('{} = "{}"'.format, NAMES, st.text("abc #'\n", max_size=8)),
        st.just(""),
        st.builds("# {}".format, VALUES),
        st.text("ABC='\"# \\", max_size=8),
    ),
    max_size=8,
)


def comments_in(text: str) -> list[str]:
    bindings = parse_stream(io.StringIO(text, newline=""))
    return [
        one.original.string.strip() for one in bindings if one.key is None and one.original.string.strip()
    ]


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.dictionaries(NAMES, VALUES, min_size=1))
def test_every_other_setting_keeps_its_value(lines: list[str], end: str, values: dict[str, str]) -> None:
    text = end.join(lines)
    before = values_in(text)
    try:
        after = edit(text, values)
    except CannotEdit:
        return  # it says so, and nothing was written
    assert values_in(after) == {**before, **values}
    assert comments_in(after) == comments_in(text)
    assert edit(after, values) == after


def test_a_diff_shows_settings_and_no_other_line() -> None:
    others = ("root:$6$salt$hash:19000:0:99999:7:::", "# was: hunter2", "just words", "key: value=1", "ALONE")
    for other in others:
        text = f"{other}\nPORT=1\n{other}\n"
        shown = diff(text, edit(text, {"PORT": "2"}), ".env", {"PORT": "2"})
        assert shown.splitlines()[-4:] == [" (not a setting)", "-PORT=1", "+PORT=2", " (not a setting)"]


def test_a_diff_follows_from_the_text_alone() -> None:
    text = "GREETING=a1-known-to-one-worker\nPORT=1\n"
    planned = diff(text, edit(text, {"PORT": "2"}), ".env", {"PORT": "2"})
    KNOWN.remember("a1-known-to-one-worker")
    assert diff(text, edit(text, {"PORT": "2"}), ".env", {"PORT": "2"}) == planned
