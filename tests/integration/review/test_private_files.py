"""What the worker keeps is closed to strangers, whatever the umask, and nobody makes it wait by a FIFO."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from activities.support.regular_files import NotRegular, file_at

_WRITE = """
import os, sys
from pathlib import Path
from activities.support.regular_files import private_directory
from activities.support.whole_files import write_whole
os.umask(int(sys.argv[1], 8))
path = Path(sys.argv[2])
private_directory(path.parent)
write_whole(path, "text")
"""


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_whatever_the_umask_a_stranger_reads_no_kept_file(tmp_path: Path, umask: str) -> None:
    path = tmp_path / "state" / "reviews" / "one.md"
    root = Path(__file__).parents[3]
    # The umask belongs to a whole process: this one has other tests in it.
    subprocess.run([sys.executable, "-c", _WRITE, umask, str(path)], check=True, timeout=60, cwd=root)
    assert path.read_text() == "text"
    assert not stat.S_IMODE(path.stat().st_mode) & ~0o640
    for directory in (path.parent, path.parent.parent):
        assert not stat.S_IMODE(directory.stat().st_mode) & ~0o750
        assert [one.name for one in directory.iterdir()] in (["one.md"], ["reviews"])


def test_a_fifo_in_the_place_of_a_kept_file_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one.json")
    with pytest.raises(NotRegular):
        file_at(tmp_path / "one.json")
