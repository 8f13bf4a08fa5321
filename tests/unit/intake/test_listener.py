"""Where the intake listens, and what it says of an address that is none."""

from __future__ import annotations

import pytest

from intake.http.server import ListenerTaken, NoSuchHost, listen


@pytest.mark.parametrize("host", ["a" * 64, f"host.{'b' * 64}.example", "a..b"])
def test_a_host_that_no_machine_can_have_is_named_in_one_sentence(host: str) -> None:
    with pytest.raises(NoSuchHost) as caught:
        listen(host, 0)
    assert str(caught.value).startswith(f"cannot listen on {host}:0: ")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ListenerTaken)


def test_a_port_that_is_taken_is_no_such_case() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(ListenerTaken) as caught:
        listen("127.0.0.1", first.getsockname()[1])
    assert not isinstance(caught.value, NoSuchHost)
