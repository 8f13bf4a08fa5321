"""Reads secrets when they are used, from where the configuration names them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from activities.support.regular_files import file_at
from models.redaction.known import KNOWN
from models.service.secret import SecretRef

LARGEST = 65_536
"""Bytes of a secret's file that are read."""


class SecretMissing(Exception):
    """A secret is missing. The text names the place and the cure, never a value."""


def resolve(ref: SecretRef) -> str:
    """The value of a secret, without the blanks and line ends around it that editors and shells add.
    Raises `SecretMissing`.

    What was read is hidden from then on wherever text is cleaned.
    """
    value = _read(ref)
    for secret in (value, *_passwords(value)):
        KNOWN.remember(secret)
    return value


def _passwords(value: str) -> Iterator[str]:
    """The password in the URL of a connection, as it is written and as it is meant: errors tell it alone."""
    try:
        url = urlsplit(value)
    except ValueError:
        return
    if url.scheme and url.password:
        yield url.password
        yield unquote(url.password)


def _read(ref: SecretRef) -> str:
    if ref.env is not None:
        value = os.environ.get(ref.env, "").strip()
        if not value:
            raise SecretMissing(f"the variable {ref.env} is not set: set it for the worker and restart it")
        return value
    path = Path(ref.file or "")
    try:
        with file_at(path) as file:
            value = file.read(LARGEST).decode("utf-8").strip()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SecretMissing(f"cannot read {path} ({why}): create it, readable for the worker") from error
    except UnicodeDecodeError:
        raise SecretMissing(f"{path} is not text: write the secret into it as UTF-8") from None
    if not value:
        raise SecretMissing(f"{path} is empty: write the secret into it")
    return value
