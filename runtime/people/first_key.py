"""The key of this machine, made when its worker first starts."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from activities.people.keys import SigningKeys
from models.configuration.configuration import Configuration

logger = structlog.get_logger("worker")


def make_first_key(configuration: Callable[[], Configuration]) -> None:
    """Unless the configuration names keys, or there is one. Without any, every word of a person is raw."""
    try:
        made = SigningKeys(configuration).make_if_missing()
    except OSError as error:
        why = error.strerror or type(error).__name__
        logger.warning("no signing key could be made, so nobody can decide as a person", reason=why)
    else:
        if made:
            logger.info("made a key by which decisions are signed", file=str(made))
