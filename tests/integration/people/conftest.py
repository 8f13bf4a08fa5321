"""Real runbooks on a real Temporal, with a scripted world, for every test of what people say."""

from __future__ import annotations

from tests.integration.people.test_forgeries import product, server

__all__ = ["product", "server"]
