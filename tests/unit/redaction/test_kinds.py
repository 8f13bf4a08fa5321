"""Kinds of secrets, and of what only looks like one, that public samples of scanners have."""

from __future__ import annotations

import time

import pytest

from models.redaction.redact import redact

VALUE = "qT7mW2xK9pLr4VbN8sYd"


@pytest.mark.parametrize(
    "line",
    [
        'settings["secret"] = "{}"',
        "settings['token'] = {}",
        "apikey: pre}}fix){}",
        'api_key "{}!";',
        "vault-key : {}",
        'shop_key:= "{}"',
        "shop-key: 0a1b2c3d4e5f60718293a4b5c6d7e8f9{}",
        'password            =      "{}"',
        "dbpwd=${}",
        "curl -X POST http://shop \\\n  -d x \\\n  -u clerk:{}",
        'curl -u ":{}" http://shop',
        'curl -u "{}:" http://shop',
        "curl --user  'clerk:{}' http://shop",
        "curl --user clerk:'{}' http://shop",
        'curl --user "{{clerk}}":"{}" http://shop',
        "Authorization: Shop-Token {}",
    ],
)
def test_a_secret_of_this_kind_is_hidden(line: str) -> None:
    planted = line.format(VALUE)
    assert VALUE not in redact(planted), redact(planted)


@pytest.mark.parametrize(
    "line",
    [
        'password = ""',
        "token: ''",
        "password: ${SHOP_PASSWORD}",
        'password = "${module.shop.password}"',
        "password: {{ .Values.shop.password }}",
        "Authorization: Bearer $SHOP_TOKEN",
        'Authorization: Bearer <token of the shop>"',
        'curl -u "$1:$2" http://shop',
        'curl -u "${user}:${pass}" http://shop',
        'secret "shop-credentials-2024" not found',
        "cache_key: 0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "idempotency-key: 7f0c4a1e-8f55-4a3a-9d0e-2f4e4c1d2b3a",
        "https://img.example/2018-250-xoxo-festival-1.jpg",
        "OLDPWD=/srv/shop",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redact(line) == line


@pytest.mark.parametrize("part", ["curl -u ", "curl \\\\\n", "a-key", "my_key: aB", "password ", "x-key-"])
def test_no_repetition_takes_long(part: str) -> None:
    """In proportion to its length: four times the text takes no more than about four times as long."""

    def seconds(times: int) -> float:
        text = part * (times // len(part))
        best = 9.0
        for _ in range(3):
            began = time.thread_time()
            redact(text + str(times))
            best = min(best, time.thread_time() - began)
        return best

    assert seconds(64_000) < 12 * max(seconds(16_000), 0.002)
