"""The file of the configuration as bytes: which it is, and why it cannot be used.

Apart from `runtime.settings`, which imports every runbook to judge what stands in it. A shell that completes
a name cannot wait for that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from activities.support.regular_files import NotRegular, file_at

CONFIG_VARIABLE = "RUNBOOKS_CONFIG"
DEFAULT_PATH = "runbooks.yaml"
LARGEST_FILE = 2**20


class ConfigurationError(Exception):
    """The file cannot be used. `lines` holds one line a mistake: file, line, key, cure.

    Unprintable characters in keys are escaped.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(map(_printable, lines))
        super().__init__("\n".join(self.lines))


def path_of(option: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The file to read: the option, else `RUNBOOKS_CONFIG`, else `runbooks.yaml`."""
    return option or Path(environ.get(CONFIG_VARIABLE) or DEFAULT_PATH)


def read(path: Path) -> bytes:
    """The bytes of the file, bounded. Raises `ConfigurationError`."""
    try:
        with file_at(path) as file:
            content = file.read(LARGEST_FILE + 1)
    except (NotRegular, IsADirectoryError):
        raise ConfigurationError([f"{path}: this is not a file: name one with --config"]) from None
    except FileNotFoundError:
        cure = f"name another with --config or {CONFIG_VARIABLE}, or copy the {DEFAULT_PATH} of the release"
        raise ConfigurationError([f"{path}: there is no such file: {cure}"]) from None
    except OSError as error:
        cure = "give the user that runs this process the right to read it"
        raise ConfigurationError([f"{path}: it cannot be read ({error.strerror}): {cure}"]) from None
    if len(content) > LARGEST_FILE:
        raise ConfigurationError([f"{path}: it is larger than 1 MiB: this cannot be a configuration"])
    return content


def _printable(line: str) -> str:
    """One line: control characters, line breaks and broken Unicode as they are written in Python."""
    shown = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)
    return "".join(shown)
