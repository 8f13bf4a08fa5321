"""Which addresses go through `HTTPS_PROXY`, and which past it."""

from __future__ import annotations

import httpx
import pytest

from runtime.systems.proxies import proxy_for
from tests.parts.outside.variables import variables

PROXY = "http://proxy.example:3128"


def through(url: str, exempt: str = "") -> bool:
    with variables(HTTPS_PROXY=PROXY, NO_PROXY=exempt):
        return proxy_for(httpx.URL(url)) == PROXY


@pytest.mark.parametrize(
    ("exempt", "past", "not_past"),
    [
        ("*", "https://example.com", None),
        ("example.com", "https://hooks.example.com", "https://badexample.com"),
        (".example.com", "https://example.com", "https://example.com.evil.org"),
        ("*.example.com", "https://hooks.example.com", "https://example.org"),
        ("EXAMPLE.com.", "https://example.COM.", "https://other.com"),
        ("a.org b.org,\tc.org", "https://c.org", "https://d.org"),
        ("example.com:8443", "https://example.com:8443", "https://example.com"),
        ("example.com:443", "https://example.com", "https://example.com:8443"),
        ("10.0.0.7", "https://10.0.0.7:9090", "https://10.0.0.70"),
        ("10.0.0.7:8443", "https://10.0.0.7:8443", "https://10.0.0.7"),
        ("10.0.0.0/8", "https://10.200.0.7", "https://11.0.0.7"),
        ("10.0.0.0/8", "https://[::ffff:10.0.0.7]", "https://[fd00::7]"),
        ("fd00::/8", "https://[fd12::7]", "https://[fe80::7]"),
        ("fd00::7", "https://[fd00:0::7]:9090", "https://[fd00::8]"),
        ("[fd00::7]", "https://[fd00::7]", "https://[fd00::8]"),
        ("[fd00::7]:8443", "https://[fd00::7]:8443", "https://[fd00::7]"),
        (",, .,*.", None, "https://example.com"),
    ],
)
def test_what_no_proxy_names(exempt: str, past: str | None, not_past: str | None) -> None:
    assert past is None or not through(past, exempt)
    assert not_past is None or through(not_past, exempt)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "web.localhost",
        "127.8.0.1",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_this_machine_is_asked_directly(host: str) -> None:
    assert not through(f"https://{host}:8443/")


def test_a_name_without_a_dot_is_asked_directly() -> None:
    """A container's, or one of this network."""
    assert not through("https://grafana/")
    assert through("https://grafana.example.com/")


@pytest.mark.parametrize(
    ("names", "proxy"),
    [
        ({"https_proxy": "proxy.example:3128"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "https_proxy": ""}, None),
        ({"ALL_PROXY": "socks5://proxy.example:1080"}, None),
        ({"HTTP_PROXY": PROXY}, None),
    ],
)
def test_only_https_proxy_names_the_proxy(names: dict[str, str], proxy: str | None) -> None:
    with variables(**names):
        assert proxy_for(httpx.URL("https://example.com")) == proxy
        assert proxy_for(httpx.URL("http://example.com")) is None
