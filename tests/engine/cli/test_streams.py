"""Standard streams that are closed, full, broken or in a small encoding: work is done, and failures take one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LISTINGS = ("plugins list", "plugins list dataset", "plugins show ddpm", "scenes list", "scenes show there-and-back",
            "--help", "render --help", "cache list", "--version")  # fmt: skip
WORK = ("validate {scene}", "still {scene} --at 0,1 -o a.png", "render {scene} -o a.gif", "render {scene} --dry-run")
WRONG = ("validate missing.yaml", "validate --nonsense", "nonsense", "render {scene} -o a.nonsense")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="uses the redirections of POSIX shells")


@pytest.fixture
def shell(scene, tmp_path):
    """Return a function that runs a command with redirections, and returns (code, stdout, stderr)."""
    path = scene()

    def run(command: str, redirections: str = "", **env: str) -> tuple[int, str, str]:
        line = f"{sys.executable} -m noisereel {command.format(scene=path)} {redirections}"
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=os.environ | env, capture_output=True)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "reason", "unbuffered"),
    [(">/dev/full", "No space left on device", ""), (">/dev/full", "No space left on device", "1"),
     (">&-", "it is closed", "")],
)  # fmt: skip
@pytest.mark.parametrize("command", [LISTINGS[0], LISTINGS[4], *WORK[:2]])
def test_output_that_cannot_be_written_is_one_line_after_the_work(
    shell, tmp_path, command, redirection, reason, unbuffered
):
    code, _, err = shell(command, redirection, PYTHONUNBUFFERED=unbuffered)
    assert (code, err) == (1, f"cannot write to standard output: {reason}\n")
    if " -o " in command:
        assert (tmp_path / command.rpartition(" ")[2]).stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(("command", "code"), [(LISTINGS[0], 0), (WORK[2], 0), *((c, 2) for c in WRONG[:2])])
def test_errors_that_cannot_be_written_leave_the_exit_code(shell, tmp_path, command, code, redirection):
    assert shell(command, redirection)[0] == code
    if code == 0 and " -o " in command:
        assert (tmp_path / command.rpartition(" ")[2]).stat().st_size


@pytest.mark.parametrize("redirection", [">&- 2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_no_stream_at_all(shell, tmp_path, redirection):
    assert shell(WORK[2], redirection)[0] == 1
    assert (tmp_path / "a.gif").read_bytes()[:3] == b"GIF"


def test_a_reader_that_is_gone_is_no_message(shell, tmp_path):
    for command in (LISTINGS[0], WORK[2]):
        code, _, err = shell(command, "| true; exit ${PIPESTATUS[0]}")
        assert code in (0, 1) and not err  # 0 if it wrote before the reader ended


ALL = """
import sys
from noisereel.cli import main
for line in sys.argv[1:]:
    try:
        main(line.split())
    except SystemExit as end:
        print("code", end.code)
"""


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437:strict", "utf-8"])
def test_any_encoding(scene, tmp_path, encoding):
    commands = [command.format(scene=scene()) for command in (*LISTINGS, *WORK, *WRONG)]
    env = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", ALL, *commands], cwd=tmp_path, env=env, capture_output=True)
    codes = [
        int(line.split()[1]) for line in done.stdout.decode("utf-8", "replace").splitlines() if line[:5] == "code "
    ]
    assert codes == [0] * (len(LISTINGS) + len(WORK)) + [2] * len(WRONG), done.stderr.decode()
    assert b"Traceback" not in done.stderr
