"""What looks like a secret in a dashboard is found in a time that grows with its size and no faster."""

from __future__ import annotations

import subprocess
import sys

import pytest

from activities.grafana.secrets import without_secrets

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV"
TAKES_OUT = "import sys; from activities.grafana.secrets import without_secrets as w; w(sys.argv[1] * 2**18)"
UNITS = ("eyJ-", "eyJr-", "eyJa-eyJ", "a://", "://a:b", "bearer ", "&token", "glsa_", " sk-", "[[", "${")


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    """At a bound that is hit only where each part is read again for each part before it: that takes hours."""
    subprocess.run([sys.executable, "-c", TAKES_OUT, unit], check=True, timeout=120)


@pytest.mark.parametrize("before", ["", "x-", "token-", "eyJ-", "eyJabcdefghij-", "Bearer "])
def test_a_token_is_found_wherever_a_word_begins(before: str) -> None:
    assert without_secrets({"text": f"{before}{TOKEN}"}) == {"text": f"{before}[redacted]"}
