"""What looks like a secret in a dashboard is found in a time that grows with its size and no faster."""

from __future__ import annotations

import subprocess
import sys

import pytest

from activities.grafana.secrets import without_secrets
from models.redaction.known import KNOWN

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV"
TAKES_OUT = "import sys; from activities.grafana.secrets import without_secrets as w; w(sys.argv[1] * 2**18)"
UNITS = ("eyJ-", "eyJr-", "eyJa-eyJ", "a://", "://a:b", "bearer ", "&token", "glsa_", " sk-", "[[", "${")


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    """At a bound that is hit only where each part is read again for each part before it: that takes hours."""
    subprocess.run([sys.executable, "-c", TAKES_OUT, unit], check=True, timeout=120)


@pytest.mark.parametrize("before", ["", "x-", "token-", "eyJ-", "eyJabcdefghij-", "Bearer "])
def test_a_token_is_found_wherever_a_word_begins(before: str) -> None:
    """With what looks like the beginning of another one before it."""
    said = without_secrets(f"{before}{TOKEN}")
    assert said in (f"{before}[redacted]", "[redacted]")


HIDDEN = {
    "grafana": "glsa_" + "Ab3dEf6hIj9lMn2pQr5tUv8x_1a2b3c4d",
    "gitlab": "glpat-" + "Ab3dEf6hIj9lMn2pQr5t",
    "sendgrid": "SG." + "Ab3dEf6hIj9lMn2pQr5tUv" + "." + "Ab3dEf6hIj9lMn2pQr5tUv8xYz1bC4eF7hI0kL3nO6q",
    "digitalocean": "dop_v1_" + "0a1b2c3d4e5f" * 5,
    "vault": "hvs." + "CAESIJ1a2B3c4D5e6F7g8H9i0J",
}


@pytest.mark.parametrize("secret", HIDDEN.values(), ids=list(HIDDEN))
def test_a_key_is_known_by_its_shape_as_everywhere_else(secret: str) -> None:
    assert without_secrets({"description": f"ask with {secret} until May"}) == {
        "description": "ask with [redacted] until May"
    }


def test_what_this_process_has_read_as_a_secret_is_hidden() -> None:
    KNOWN.remember("a-dull-word-7-of-the-tests")
    assert without_secrets(["it is a-dull-word-7-of-the-tests"]) == ["it is [redacted]"]


@pytest.mark.parametrize(
    "text",
    [
        'sum(rate(requests_total{token="abc", key="k8s-a1b2c3d4e5f6a7b8c9d0e1f2"}[5m])) by (password)',
        "https://$user:${password}@api.example.com/x?token=$token&key=[[key]]",
        'label_values(up{pod=~"$pod", commit="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"}, secret)',
        "SELECT password_changed_at, token FROM users WHERE key = 'primary'",
    ],
)
def test_queries_and_references_stay_as_they_are(text: str) -> None:
    assert without_secrets({"expr": text}) == {"expr": text}
