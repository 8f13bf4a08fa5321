"""What tells the instances of one alert apart, where the sender does not say it."""

from __future__ import annotations

from collections.abc import Mapping

_OFFSET, _PRIME, _BITS = 0xCBF29CE484222325, 0x100000001B3, 2**64
_BETWEEN = b"\xff"


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """As Alertmanager computes it (FNV-1a over the sorted labels): older versions and other senders leave
    it out of the webhook, and Alertmanager's API has it."""
    value = _OFFSET
    for name, text in sorted(labels.items()):
        for byte in name.encode() + _BETWEEN + text.encode() + _BETWEEN:
            value = (value ^ byte) * _PRIME % _BITS
    return f"{value:016x}"
