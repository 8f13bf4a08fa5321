"""Directories that a clean-up may not name, and those that it may."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from models.configuration.configuration import Configuration
from models.configuration.consistency import Inconsistent

PRODUCT = Path(__file__).parents[3]


def configured(directory: str) -> Configuration:
    service = {"manager": {"kind": "docker", "container": "web"}, "clean_up": {"directory": directory}}
    backups = [{"name": "nightly", "directory": "/backups/postgres"}]
    return Configuration.model_validate({"services": {"web": service}, "checks": {"backups": backups}})


@pytest.mark.parametrize(
    ("directory", "why"),
    [
        ("/", "holds much more"),
        ("//", "holds much more"),
        ("/etc", "belongs to the system"),
        ("/etc/nginx", "belongs to the system"),
        ("/usr", "holds much more"),
        ("/usr/lib/python3", "belongs to the system"),
        ("/home", "holds much more"),
        ("/home/ada/", "holds much more"),
        ("/var/log/../../etc", "belongs to the system"),
        (".", "holds the product itself"),
        ("..", "holds the product itself"),
        (str(PRODUCT), "holds the product itself"),
        (str(PRODUCT.parent), "holds the product itself"),
        ("/backups", "which is kept, is in /backups"),
        ("/backups/postgres", "is kept"),
        ("var", "var is kept"),
        ("./var/reviews", "var/reviews is kept"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_cure(directory: str, why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        configured(directory)
    inconsistent = refused.value.errors()[0]["ctx"]["error"]
    assert isinstance(inconsistent, Inconsistent)
    (mistake,) = inconsistent.mistakes
    assert mistake.place == ("services", "web", "clean_up", "directory")
    assert why in mistake.text
    assert "name the directory of its log files alone, such as /var/log/NAME" in mistake.text


@pytest.mark.parametrize(
    "directory",
    ["./logs", "../logs", "/var/log", "/var/log/web", "/home/ada/web/logs", "/srv/web/log", "/tmp/web"],
)
def test_what_may_be_meant_is_taken(directory: str) -> None:
    assert configured(directory).services["web"].clean_up is not None
