"""Output paths and atomic files: names, placeholders, and files that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from noisereel.contracts.writer import Frame, Sink, Writer, WriterContext
from noisereel.output.files import OutputPath, opened
from noisereel.support.errors import NoisereelError, UsageError
from noisereel.support.files import AtomicFiles, atomic_write


class Known:
    """The part of a registry that outputs need."""

    def names(self, kind: str) -> list[str]:
        return {"writer": ["png", "gif", "mp4"]}[kind]


def parse(text: str | Path) -> OutputPath:
    return OutputPath.parse(str(text), Known())  # type: ignore[arg-type]


def message(text: str | Path) -> str:
    with pytest.raises(UsageError) as error:
        parse(text)
    return str(error.value)


class TestNames:
    def test_the_suffix_chooses_the_writer_in_any_case(self) -> None:
        output = parse("renders/Film.GIF")
        assert (output.writer, output.path, output.numbered) == ("gif", Path("renders/Film.GIF"), False)
        assert output.file(3, 4, 5.0) == Path("renders/Film.GIF")

    @pytest.mark.parametrize(
        ("text", "file", "each_frame"),
        [
            ("f/{frame:04d}.png", "f/0007.png", True),
            ("{step}-of-{frame}.png", "42-of-7.png", True),
            ("at-{t}.png", "at-2.5.png", False),
            ("at-{t:06.2f}.png", "at-002.50.png", False),
            ("step-{step:03d}{{x}}.png", "step-042{x}.png", False),
        ],
    )
    def test_placeholders_make_several_files(self, text: str, file: str, each_frame: bool) -> None:
        output = parse(text)
        assert output.numbered and output.each_frame is each_frame
        assert output.file(frame=7, step=42, t=2.5) == Path(file)

    def test_whole_times_have_no_decimals(self) -> None:
        assert parse("{t}.png").file(0, 0, 12.0) == Path("12.png")

    def test_an_unknown_suffix_names_the_known_ones(self) -> None:
        assert message("film.xyz") == "film.xyz: unknown suffix '.xyz'; known: .gif, .mp4, .png"

    def test_a_suffix_is_needed(self) -> None:
        assert message("film") == "film: needs a suffix that names the format; known: .gif, .mp4, .png"

    def test_unknown_placeholders_name_the_known_ones(self) -> None:
        assert message("{fps}.png") == "{fps}.png: unknown name '{fps}'; known: {frame}, {step}, {t}"

    @pytest.mark.parametrize(
        "text", ["{frame.real}.png", "{step[0]}.png", "{t!r}.png", "{}.png", "{0}.png", "{frame.png"]
    )
    def test_placeholders_are_names_and_formats_only(self, text: str) -> None:
        assert message(text).startswith(f"{text}: ")

    def test_a_format_that_fits_no_number_is_refused(self) -> None:
        assert message("{frame:zz}.png") == "{frame:zz}.png: 'zz' in '{frame:zz}' is not a number format such as '.2f'"

    def test_a_folder_is_not_a_file(self, tmp_path: Path) -> None:
        expected = f"{tmp_path}: is a folder; name a file in it, such as {tmp_path / 'film.gif'}"
        assert message(tmp_path) == expected
        assert message("renders/") == "renders/: is a folder; name a file in it, such as renders/film.gif"


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return everything below a folder; files with their content."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


class TestAtomic:
    def test_appears_when_complete(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "film.gif"
        with atomic_write(path) as part:
            assert (part.parent, part.suffix, part.name[0]) == (path.parent, ".gif", ".")
            part.write_bytes(b"new")
            assert not path.exists()
        assert tree(tmp_path) == {"a": None, "a/b": None, "a/b/film.gif": b"new"}

    @pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), SystemExit(3)])
    def test_any_exception_leaves_everything_unchanged(self, tmp_path: Path, error: BaseException) -> None:
        (tmp_path / "film.gif").write_bytes(b"old")
        before = tree(tmp_path)
        for path in (tmp_path / "film.gif", tmp_path / "new" / "folders" / "film.gif"):
            with pytest.raises(type(error)) as caught, atomic_write(path) as part:
                part.write_bytes(b"half")
                raise error
            assert caught.value is error
            assert tree(tmp_path) == before

    def test_replaces_an_existing_file_only_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "film.gif"
        path.write_bytes(b"old")
        with atomic_write(path) as part:
            part.write_bytes(b"new")
            assert path.read_bytes() == b"old"
        assert tree(tmp_path) == {"film.gif": b"new"}

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "link.gif").symlink_to("real.gif")
        with atomic_write(tmp_path / "link.gif") as part:
            part.write_bytes(b"new")
        assert (tmp_path / "link.gif").is_symlink() and (tmp_path / "real.gif").read_bytes() == b"new"

    def test_a_folder_with_the_name_of_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "film.gif"
        path.mkdir()
        with pytest.raises(NoisereelError, match=f"^cannot write {path}: Is a directory$"), atomic_write(path):
            pytest.fail("must not get here")
        assert tree(tmp_path) == {"film.gif": None}

    def test_a_file_with_the_name_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        path = tmp_path / "file" / "film.gif"
        with (
            pytest.raises(NoisereelError, match=f"^cannot write {path}: (Not a directory|File exists)$"),
            atomic_write(path),
        ):
            pytest.fail("must not get here")

    @pytest.mark.skipif(os.name == "nt", reason="uses permissions of POSIX systems")
    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        # In a process of its own: root can write anywhere, so it has to become another user first.
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o555)
        for parent in (tmp_path, *tmp_path.parents) if os.getuid() == 0 else ():
            parent.chmod(parent.stat().st_mode | 0o111)
        code = (
            "import os, sys; from pathlib import Path; from noisereel.support.files import atomic_write\n"
            "from noisereel.support.errors import NoisereelError\n"
            "if os.getuid() == 0: os.setuid(65534)\n"
            "try:\n    with atomic_write(Path(sys.argv[1])): sys.exit('not refused')\n"
            "except NoisereelError as error: print(error)"
        )
        path = folder / "film.gif"
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=_environment()
        )
        assert (done.stdout, done.stderr) == (f"cannot write {path}: Permission denied\n", "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
    def test_a_full_disk_while_writing(self, tmp_path: Path) -> None:
        path = tmp_path / "film.gif"
        with (
            pytest.raises(NoisereelError, match=f"^cannot write {path}: No space left on device$"),
            atomic_write(path) as part,
        ):
            part.write_bytes(b"half")
            with Path("/dev/full").open("wb", buffering=0) as device:
                device.write(b"more")
        assert tree(tmp_path) == {}

    def test_errors_of_other_files_pass_through(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "film.gif"):
            (tmp_path / "input.png").read_bytes()
        assert tree(tmp_path) == {}


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}


class TestTogether:
    def test_numbered_files_appear_together(self, tmp_path: Path) -> None:
        paths = [tmp_path / f"{i}.png" for i in range(3)]
        with AtomicFiles() as files:
            for i, path in enumerate(paths):
                files.part(path).write_bytes(bytes([i]))
                assert not any(path.exists() for path in paths)
            assert files.paths == tuple(paths)
        assert tree(tmp_path) == {"0.png": b"\x00", "1.png": b"\x01", "2.png": b"\x02"}

    def test_an_interrupt_leaves_none_of_them(self, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(b"old")
        with pytest.raises(KeyboardInterrupt), AtomicFiles() as files:
            for i in range(3):
                files.part(tmp_path / f"{i}.png").write_bytes(b"new")
            files.part(tmp_path / "new" / "4.png")
            raise KeyboardInterrupt
        assert tree(tmp_path) == {"1.png": b"old"}

    def test_one_that_cannot_be_written_prevents_all(self, tmp_path: Path) -> None:
        (tmp_path / "2.png").mkdir()
        with pytest.raises(NoisereelError, match="2.png: Is a directory$"), AtomicFiles() as files:
            for i in range(3):
                files.part(tmp_path / f"{i}.png").write_bytes(b"new")
        assert tree(tmp_path) == {"2.png": None}

    def test_two_frames_cannot_share_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "at-0.5.png"
        with pytest.raises(UsageError, match=f"^{path}: would be written more than once$"), AtomicFiles() as files:
            files.part(path)
            files.part(tmp_path / "." / "at-0.5.png")
        assert tree(tmp_path) == {}


class Faulty(Writer):
    """A writer that fails at one point."""

    where: str
    """Point of failure: open, write or close."""

    @contextmanager
    def open(self, ctx: WriterContext) -> Iterator[Sink]:
        self.fail("open")
        yield _FaultySink(self)
        self.fail("close")

    def fail(self, where: str) -> None:
        if where == self.where:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _FaultySink:
    def __init__(self, writer: Faulty) -> None:
        self.writer = writer

    def write(self, frame: Frame) -> None:
        self.writer.fail("write")


class TestOpened:
    CTX = WriterContext(Path(".film.1.part.gif"), (2, 2), Fraction(25))
    FRAME = Frame(0, Fraction(1), None)

    @pytest.mark.parametrize("where", ["open", "write", "close"])
    def test_errors_name_the_final_file(self, where: str) -> None:
        with (
            pytest.raises(NoisereelError, match=r"^cannot write renders/film.gif: No space left on device$"),
            opened(Faulty(where=where), self.CTX, Path("renders/film.gif")) as sink,
        ):
            sink.write(self.FRAME)

    def test_errors_of_others_pass_through(self) -> None:
        error = OSError(errno.ENOSPC, "the cache is full")
        with pytest.raises(OSError) as caught, opened(Faulty(where="close"), self.CTX, Path("film.gif")):
            raise error
        assert caught.value is error
