"""What the product reads by a configured name is a regular file, or is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activities.support.secrets import SecretMissing, resolve
from models.checks.check import CheckName
from models.configuration.configuration import Configuration
from models.configuration.processes import Directories
from models.service.secret import SecretRef
from runtime.reports import stored_report
from runtime.settings import ConfigurationError, load


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_a_fifo_in_the_place_of_a_secret_is_refused(fifo: Path) -> None:
    with pytest.raises(SecretMissing, match="not a regular file"):
        resolve(SecretRef(file=str(fifo)))


def test_a_fifo_in_the_place_of_the_configuration_is_refused(fifo: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a file"):
        load(fifo)


def test_a_fifo_in_the_place_of_a_report_is_no_report(tmp_path: Path) -> None:
    name = "20261126T090000000Z-1a2b3c4d.json"
    (tmp_path / "daily").mkdir()
    os.mkfifo(tmp_path / "daily" / name)
    configuration = Configuration(directories=Directories(checks=str(tmp_path)))
    assert stored_report(configuration, CheckName.DAILY, name) is None
