"""Where a secret is found: never the secret itself."""

from __future__ import annotations

from pydantic import Field, model_validator

from models.base import Configured


class SecretRef(Configured):
    """Where a secret is found: the name of a variable, or a file. Never the secret."""

    env: str | None = Field(default=None, pattern=r"^[A-Z_][A-Z0-9_]{0,127}$")
    """The name of a variable, in capitals."""
    file: str | None = Field(default=None, min_length=1, max_length=4096)

    @model_validator(mode="after")
    def _one_of_them(self) -> SecretRef:
        if (self.env is None) == (self.file is None):
            raise ValueError("name either env (a variable) or file (a path) for the secret")
        return self

    def __str__(self) -> str:
        return f"${self.env}" if self.env else f"file {self.file}"
