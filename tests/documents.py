"""Pages as programs: their code blocks, run in order as a reader would run them."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from PIL import Image
from ruamel.yaml import YAML

from noisereel.cli.main import cli
from noisereel.contracts.theme import ROLES
from noisereel.registry import load_registry

ROOT = Path(__file__).parents[1]
SMALL = ["--size", "160x120", "--set", "film.frames=4", "--quiet"]
STEPS = 30
"""Training steps at most, so that pages run quickly."""

THEME = {"extends", "font", *ROLES}
REST = {"dataset": {"two-moons": {"n": 200}}, "schedule": {"linear": {"steps": 20}}, "sampler": "forward"}
"""What completes a part of a scene."""


class Block(NamedTuple):
    """A code block of a page.

    Attributes:
        language: As written after the fence; "sh" for an indented block.
        text: The code.
        line: Its first line in the page, from 1.
        intro: The paragraph before it, which may name a file.
    """

    language: str
    text: str
    line: int
    intro: str


def blocks(page: Path) -> list[Block]:
    """Return all code blocks of a page."""
    tokens, found, intro = MarkdownIt().parse(page.read_text(encoding="utf-8")), [], ""
    for token in tokens:
        if token.type == "inline":
            intro = token.content
        elif token.type in ("fence", "code_block"):
            assert token.map is not None
            is_fence = token.type == "fence"
            found.append(Block(token.info if is_fence else "sh", token.content, token.map[0] + 1 + is_fence, intro))
    return found


def run_page(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all blocks of a page in a folder, which becomes the current one."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NOISEREEL_CACHE", str(folder / "cache"))
    monkeypatch.setattr(cli, "commands", {**cli.commands})
    module = ModuleType(f"page_{page.stem}")
    module.__file__ = str(folder / f"page_{page.stem}.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    reader = _Reader(folder, module)
    for block in blocks(page):
        with _named(page, block):
            assert block.language in LANGUAGES, f"blocks in '{block.language}' are not run by any test"
            LANGUAGES[block.language](reader, block)


@contextmanager
def _named(page: Path, block: Block) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the block at {page.name}:{block.line}")
        raise


class _Reader:
    """A reader of a page, who saves its files and runs its commands."""

    def __init__(self, folder: Path, module: ModuleType) -> None:
        self.folder = folder
        self.module = module
        self.plugins: list[Path] = []
        self.scene = Path("scene.yaml")
        self.code: list[str] = []

    def python(self, block: Block) -> None:
        """Run Python code; a block with hooks is also saved and loaded as a plugin file."""
        if re.search(r"^@(\w+\.)?hookimpl", block.text, re.MULTILINE):
            path = self.save(block, "plugin.py")
            assert load_registry([path], strict=True).warnings == []
            self.plugins = [*(other for other in self.plugins if other != path), path]
        # The code is at the same lines as in the page, in a file for tracebacks.
        self.code += [""] * (block.line - 1 - len(self.code)) + block.text.splitlines()
        source = Path(str(self.module.__file__))
        source.write_text("\n".join(self.code), encoding="utf-8")
        text = "\n" * (block.line - 1) + block.text
        exec(compile(text, str(source), "exec"), vars(self.module))

    def yaml(self, block: Block) -> None:
        """Render a scene or a part of one, or use a theme."""
        values = YAML(typ="safe").load(block.text)
        if set(values) <= THEME:
            theme, scene = self.save(block, "theme.yaml"), Path("themed.yaml")
            _dump(REST | {"film": {"theme": theme.name}}, scene)
        elif missing := REST.keys() - values.keys() if "runs" not in values else set():
            scene = Path("completed.yaml")
            _dump({key: REST[key] for key in missing} | values, scene)
        else:
            scene = self.scene = self.save(block, "scene.yaml")
        plugins = [word for path in self.plugins for word in ("--plugin", str(path))]
        noisereel("validate", str(scene), *plugins)  # as it is written, before flags change it
        noisereel("render", str(scene), "-o", "film.gif", *_small(scene), *plugins)
        with Image.open("film.gif") as film:
            assert getattr(film, "n_frames", 1) >= 4

    def toml(self, block: Block) -> None:
        """Parse TOML."""
        assert tomllib.loads(block.text)

    def commands(self, block: Block) -> None:
        """Run command lines."""
        for line in block.text.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                assert words[0] in COMMANDS, f"no test runs the command '{words[0]}'"
                COMMANDS[words[0]](self, words[1:])

    def nothing(self, block: Block) -> None:
        """Read output or pseudocode."""

    def noisereel(self, words: list[str]) -> None:
        """Run a command at a small size, or only check it if it takes long; all flags must exist."""
        words = [str(self.scene) if word in ("SCENE", "FILE") else word for word in words]
        if words[0] in ("render", "still"):
            slow = {"--compile", "--open"} & set(words)
            words += ["--dry-run"] if slow else []
            words += [] if "--size" in words else _small(Path(words[1]))
            noisereel(*words)
            outputs = [] if slow else [path for flag, path in pairwise(words) if flag == "-o"]
            missing = [path for path in outputs if not any(Path().glob(re.sub(r"\{.*?\}", "*", path)))]
            assert not missing, f"{missing} were not written"
        else:
            noisereel(*words, *(_training(Path(words[1])) if words[0] == "train" else []))

    def make(self, words: list[str]) -> None:
        """Check that the target exists."""
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[0] in targets, f"the Makefile has no target '{words[0]}'"

    def pip(self, words: list[str]) -> None:
        """Check that this project is installed, or make the commands of the page's last plugin file available."""
        if words == ["install", "."]:
            load_registry(self.plugins[-1:], strict=True).register_commands(cli)
            return
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert words[0] == "install"
        for word in words[1:]:
            name, _, extras = word.rstrip("]").partition("[")
            assert name == project["name"], f"'{name}' is another project"
            assert set(filter(None, extras.split(","))) <= set(project["optional-dependencies"])

    def script(self, words: list[str]) -> None:
        """Check that a script of this project exists."""
        assert (ROOT / words[0]).is_file()

    def save(self, block: Block, default: str) -> Path:
        """Write a block to the file that the text before it names, else to one with a default name."""
        suffix = Path(default).suffix
        names = re.findall(rf"`([\w-]+{re.escape(suffix)})`", block.intro)
        path = Path(names[-1] if names else default)
        path.write_text(block.text, encoding="utf-8")
        return path


LANGUAGES: dict[str, Callable[[_Reader, Block], None]] = {
    "python": _Reader.python,
    "yaml": _Reader.yaml,
    "toml": _Reader.toml,
    "sh": _Reader.commands,
    "text": _Reader.nothing,
}

COMMANDS: dict[str, Callable[[_Reader, list[str]], None]] = {
    "noisereel": _Reader.noisereel,
    "make": _Reader.make,
    "pip": _Reader.pip,
    "python": _Reader.script,
}


def noisereel(*arguments: str) -> str:
    """Run a command in this process, and return what it printed."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, f"noisereel {shlex.join(arguments)}\n{result.output}{result.exception}"
    return result.output


def _small(scene: Path) -> list[str]:
    return SMALL + _training(scene)


def _training(scene: Path) -> list[str]:
    """Return flags that shorten the training of a scene's denoiser."""
    values: Any = YAML(typ="safe").load(scene) if scene.is_file() else {}
    denoiser = values.get("denoiser")
    name, settings = next(iter(denoiser.items())) if isinstance(denoiser, dict) else (denoiser, {})
    if isinstance(settings, dict) and settings.get("steps", 0) > STEPS:
        return ["--set", f"denoiser.{name}.steps={STEPS}"]
    return []


def _dump(values: dict[str, Any], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(values, file)
