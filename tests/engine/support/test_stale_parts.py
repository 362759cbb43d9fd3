"""Temporary files of killed programs are removed from the folders that are written to; nothing else is."""

import os
import subprocess
import sys
import time

import pytest

from noisereel.support.files import atomic_write

OLD = time.time() - 4000


@pytest.fixture(scope="module")
def dead():
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def names(dead):
    own = os.getpid()
    removed = [f".a.{dead}.part.gif", f".a.b c.{dead}-1f2e3d.part.mp4", f".a.{dead}.part", f".weights.{dead}.part.npz"]
    kept = [f".a.{own}.part.gif", f".a.{own}-1f.part.gif", ".a.1.part.gif", ".a.part.gif", f"a.{dead}.part.gif"]
    kept += [f".a.{dead}.gif", f".a.{dead}.part.gif.txt", f".a.x{dead}.part.gif", f".a.{dead}.parts.gif", "other"]
    return removed, kept


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot tell whether a process has ended")
def test_old_parts_of_dead_processes_are_removed(tmp_path, dead):
    removed, kept = names(dead)
    young, folder, link = f".young.{dead}.part.gif", f".folder.{dead}.part.gif", f".link.{dead}.part.gif"
    for name in [*removed, *kept, young]:
        (tmp_path / name).write_text(name)
    (tmp_path / folder).mkdir()
    (tmp_path / link).symlink_to("other")
    for name in [*removed, *kept, folder, link]:
        os.utime(tmp_path / name, (OLD, OLD), follow_symlinks=False)
    with atomic_write(tmp_path / "new.gif") as part:
        part.write_text("new")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, young, folder, link, "new.gif"}
