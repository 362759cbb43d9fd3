"""Films, stills and frames in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import noisereel as nr
from noisereel_builtins.datasets import TwoMoons

VALUES: dict[str, Any] = {
    "dataset": TwoMoons(n=60),
    "schedule": {"cosine": {"steps": 8}},
    "sampler": "forward",
    "film": {"frames": 4, "hold": 0, "size": [160, 120]},
}


@pytest.fixture
def scene() -> nr.Scene:
    return nr.Scene(**VALUES)


class Halo(nr.Renderer):
    """A renderer that is registered nowhere."""

    space = "plane"

    def marks(self, run: nr.RunView, moment: nr.Moment, ctx: nr.RenderContext) -> Any:
        yield nr.Points(np.array([[0.5, 0.5]]), "#FF0000", size=100, alpha=1)


class TestRender:
    def test_it_returns_what_it_wrote(self, scene: nr.Scene, tmp_path: Path) -> None:
        films = tmp_path / "a.gif", str(tmp_path / "b.mp4")
        written = nr.render(scene, *films, cache=False)
        assert written == (tmp_path / "a.gif", tmp_path / "b.mp4")
        with Image.open(written[0]) as film:
            assert film.n_frames == 4
        assert scene.render(tmp_path / "c-{frame}.png", cache=False) == tuple(tmp_path / f"c-{i}.png" for i in range(4))
        assert nr.render(scene, tmp_path / "d.gif", dry_run=True) == ()

    def test_nothing_is_printed(self, scene: nr.Scene, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        nr.render(scene, tmp_path / "a.gif", cache=False)
        nr.still(scene, tmp_path / "a.png", at=3.3, cache=False)
        assert capfd.readouterr() == ("", "")

    def test_bars_if_wanted(self, scene: nr.Scene, tmp_path: Path) -> None:
        shown: list[str] = []

        class Lines(nr.Progress):
            def say(self, message: str) -> None:
                shown.append(message)

        nr.still(scene, tmp_path / "a.png", at=3.3, cache=False, progress=Lines(quiet=True))
        assert shown == ["at 3.3: t = 3 is the nearest visit"]

    def test_the_home_folder(self, scene: nr.Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert nr.render(scene, "~/a.gif", cache="~/cache") == (tmp_path / "a.gif",)
        assert {path.name for path in tmp_path.iterdir()} == {"a.gif", "cache"}

    def test_warnings_are_pythons(self, tmp_path: Path) -> None:
        scene = nr.Scene(**{**VALUES, "schedule": {"linear": {"steps": 5, "beta_end": 0.1}}, "sampler": "ddim"},
                         denoiser="gaussian")  # fmt: skip
        with pytest.warns(nr.NoisereelWarning, match=r"^scene: schedule: ") as caught:
            nr.render(scene, tmp_path / "a.gif", cache=False)
        assert caught[0].filename == __file__

    def test_a_film_tells_what_it_shows(self, scene: nr.Scene, tmp_path: Path) -> None:
        nr.still(nr.load(scene, {"seed": 3}), tmp_path / "a.png", cache=False)
        with Image.open(tmp_path / "a.png") as picture:
            source = json.loads(picture.text["noisereel"])  # type: ignore[attr-defined]
        again = nr.load(source["scene"], dict(change.split("=") for change in source["set"]) | {"seed": 3})
        assert (nr.frame(again, cache=False) == nr.frame(nr.load(scene, {"seed": 3}), cache=False)).all()

    @pytest.mark.parametrize(
        ("outputs", "options", "message"),
        [
            ((), {}, "name at least one file to write, such as film.gif"),
            ((3,), {}, "outputs must be paths, such as film.gif, got an int"),
            (("",), {}, "outputs must be paths, such as film.gif, got nothing"),
            (("a.gif",), {"workers": 0}, "workers must be a whole number from 1 to 64, got 0"),
            (("a.gif",), {"workers": "2"}, "workers must be a whole number from 1 to 64, got '2'"),
            (("a.gif",), {"cache": 3}, "cache must be a folder, True or False, got an int"),
            (("a.gif",), {"progress": "yes"}, "progress must be True, False or a Progress, got a str"),
            (("a.gif",), {"registry": []}, "registry must be a Registry, as load_registry gives, got a list"),
            (("a.gif",), {"device": None}, "device 'None': must be auto, cpu, cuda or cuda:N"),
            (("a.foo",), {}, "a.foo: unknown suffix '.foo'; known: .gif, .mp4, .pdf, .png, .svg"),
            (("a",), {}, "a: needs a suffix that names the format; known: .gif, .mp4, .pdf, .png, .svg"),
            (
                ("a.png",),
                {},
                "a.png: holds one picture, not 4: take a still instead, or number the files: a-{frame:04d}.png",
            ),
            (("a.gif",), {"quality": "best"}, "quality must be one of draft, standard, high, got 'best'"),
            (("a.gif",), {"device": "tpu"}, "device 'tpu': must be auto, cpu, cuda or cuda:N"),
        ],
    )
    def test_wrong_requests(
        self, scene: nr.Scene, outputs: Any, options: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(nr.UsageError) as error:
            nr.render(scene, *outputs, **options)
        assert str(error.value) == message
        assert [*tmp_path.iterdir()] == []


class TestStill:
    def test_times(self, scene: nr.Scene, tmp_path: Path) -> None:
        assert nr.still(scene, tmp_path / "a.svg", at=[0, 4, 8], cache=False) == (tmp_path / "a.svg",)
        assert (tmp_path / "a.svg").read_text().count("t = ") >= 3
        files = nr.still(scene, tmp_path / "{t}.png", at=np.array([0, 4]), cache=False)
        assert [file.name for file in files] == ["0.png", "4.png"]

    @pytest.mark.parametrize(
        ("at", "message"),
        [
            ([], "no times to show: give one at least, or none at all for the end of the film"),
            (-1, "cannot show t = -1: times are numbers from 0 to T"),
            ([0, float("nan")], "cannot show t = nan: times are numbers from 0 to T"),
            (9, "cannot show t = 9: no run reaches it; the last time is t = 8"),
            ("x", "times must be numbers from 0 to T, got 'x'"),
            ([object], "times must be numbers from 0 to T, got [<class 'object'>]"),
        ],
    )
    def test_times_that_cannot_be_shown(self, scene: nr.Scene, at: Any, message: str, tmp_path: Path) -> None:
        with pytest.raises(nr.UsageError) as error:
            nr.still(scene, tmp_path / "a.png", at=at)
        assert str(error.value) == message
        assert [*tmp_path.iterdir()] == []


class TestFrame:
    @pytest.mark.parametrize("t", [None, 0, 5])
    def test_it_is_the_still(self, scene: nr.Scene, tmp_path: Path, t: int | None) -> None:
        picture = nr.frame(scene, t=t, cache=False)
        nr.still(scene, tmp_path / "a.png", at=t, cache=False)
        with Image.open(tmp_path / "a.png") as still:
            assert (np.asarray(still.convert("RGB")) == picture).all()
        assert picture.dtype == np.uint8 and picture.shape == (120, 160, 3)

    def test_times_differ(self, scene: nr.Scene) -> None:
        assert (nr.frame(scene, 0, cache=False) != nr.frame(scene, 8, cache=False)).any()

    def test_qualities(self, scene: nr.Scene) -> None:
        assert nr.frame(scene, quality="draft", cache=False).shape == (60, 80, 3)
        assert nr.frame(scene, quality="high", cache=False).shape == (120, 160, 3)

    @pytest.mark.parametrize(
        ("size", "drawn"),
        [
            ("1:1", (360, 360)),
            ("9:16", (640, 360)),
            ([200, 150], (150, 200)),
            (None, (60, 80)),
        ],
    )
    def test_a_draft_is_half_the_size_unless_that_is_given_in_pixels(
        self, scene: nr.Scene, size: object, drawn: tuple[int, int]
    ) -> None:
        given = scene if size is None else nr.load(scene, {"film.size": size})
        assert nr.frame(given, quality="draft", cache=False).shape == (*drawn, 3)

    @pytest.mark.parametrize(
        ("size", "panels", "drawn"), [([96, 72], 1, (72, 96)), ([64, 48], 1, (48, 64)), ([160, 90], 2, (90, 160))]
    )
    def test_a_draft_that_would_be_too_small_has_the_full_size(
        self, size: list[int], panels: int, drawn: tuple[int, int]
    ) -> None:
        scene = nr.Scene(
            dataset="two-moons",
            schedule={"linear": {"steps": 2}},
            sampler="forward",
            particles=9,
            panels=[{"layers": ["points"]}] * panels,
            film={"size": size, "time_bar": False},
        )
        assert nr.frame(scene, quality="standard", cache=False).shape == (*drawn, 3)
        assert nr.frame(scene, quality="draft", cache=False).shape == (*drawn, 3)

    def test_a_renderer_of_ones_own(self) -> None:
        scene = nr.Scene(**VALUES, panels=[{"layers": [Halo()]}])
        red, green, blue = np.moveaxis(nr.frame(scene, 0, cache=False).astype(int), 2, 0)
        assert ((red > 200) & (green < 60) & (blue < 60)).sum() > 500

    def test_several_times(self, scene: nr.Scene) -> None:
        with pytest.raises(nr.UsageError, match=r"^t must be one number from 0 to T, got a list; "):
            nr.frame(scene, [0, 4])  # type: ignore[arg-type]

    def test_a_time_outside_the_run(self, scene: nr.Scene) -> None:
        with pytest.raises(nr.UsageError, match="^cannot show t = 9: no run reaches it; the last time is t = 8$"):
            nr.frame(scene, t=9)


ARRAY = """\
import noisereel as nr
run = nr.simulate(nr.load("swiss-roll-forward"))["run"]
x = run.x
"""
FILM = """\
import noisereel as nr
scene = nr.load("swiss-roll-forward", {"film.frames": 3, "film.size": [160, 120]})
nr.render(scene, "film.gif")
"""
OWN = """\
import noisereel as nr
class Mine(nr.Dataset):
    n: int = 300
    def load(self, ctx):
        return nr.Data(ctx.draw.uniform(self.n, 2))
scene = nr.Scene(dataset=Mine(), schedule="cosine", sampler="forward", film={"frames": 3, "size": [160, 120]})
nr.render(scene, "film.gif")
"""


@pytest.mark.parametrize(("code", "most"), [(ARRAY, 3), (FILM, 3), (OWN, 8)], ids=["array", "film", "own data set"])
def test_few_lines_are_enough(code: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(code.splitlines()) <= most
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(code, space)
    if "x" in space:
        assert space["x"].ndim == 3
    else:
        with Image.open("film.gif") as film:
            assert film.n_frames >= 3
