"""Pictures of every mode, and folders as they are found."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.images.clip import Clip
from noisereel_builtins.datasets.images.image import Image
from noisereel_builtins.datasets.images.images import Images
from noisereel_builtins.datasets.shapes.picture import Picture

RAMP = np.tile(np.linspace(0, 1, 52), (6, 1))
BYTES = Pillow.fromarray((RAMP * 255).round().astype(np.uint8))
STEP = np.tile(np.repeat([0.0, 1.0], 26), (6, 1))

Make = Callable[[], Pillow.Image]

MODES: dict[str, Make] = {
    "1": lambda: Pillow.fromarray(STEP > 0.5),
    "L": lambda: BYTES,
    "LA": lambda: BYTES.convert("LA"),
    "P": lambda: BYTES.quantize(256),
    "PA": lambda: BYTES.quantize(256).convert("PA"),
    "RGB": lambda: BYTES.convert("RGB"),
    "RGBA": lambda: BYTES.convert("RGBA"),
    "CMYK": lambda: BYTES.convert("RGB").convert("CMYK"),
    "YCbCr": lambda: BYTES.convert("RGB").convert("YCbCr"),
    "I;16": lambda: Pillow.fromarray((RAMP * 65535).round().astype(np.uint16)),
    "I;16B": lambda: Pillow.fromarray((RAMP * 65535).round().astype(">u2")),
    "F": lambda: Pillow.fromarray(RAMP.astype(np.float32)),
}
FORMATS = {
    "PNG": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"},
    "TIFF": set(MODES),
    "JPEG": {"L", "RGB", "CMYK", "YCbCr"},
    "WEBP": {"RGB", "RGBA"},
    "BMP": {"1", "L", "P", "RGB", "RGBA"},
    "GIF": {"1", "L", "P", "RGB"},
}
CASES = [(mode, name) for name, modes in FORMATS.items() for mode in sorted(modes)]


def load(dataset: Dataset) -> tuple[Data, list[str]]:
    warnings: list[str] = []
    return dataset.load(LoadContext(Path(), LoadDraw(0), warnings.append)), warnings


def refusal(dataset: Dataset) -> str:
    with pytest.raises(ValueError) as error:
        load(dataset)
    return str(error.value)


@pytest.mark.parametrize("color", ["grey", "rgb"])
@pytest.mark.parametrize(("mode", "name"), CASES)
def test_each_mode_has_its_own_range(tmp_path: Path, mode: str, name: str, color: str) -> None:
    file = tmp_path / "a"
    MODES[mode]().save(file, name)
    expected = 2 * (STEP if mode == "1" else RAMP) - 1
    datasets: list[Dataset] = [Image(path=file, color=color)]
    if name in {"TIFF", "PNG", "WEBP", "GIF"}:
        datasets.append(Clip(path=file, color=color))
    for dataset in datasets:
        x0 = load(dataset)[0].x0.numpy()[0]
        x0 = x0 if color == "grey" else x0.mean(2)
        np.testing.assert_allclose(x0, expected, atol=0.08 if name in {"JPEG", "WEBP"} else 0.02)


@pytest.mark.parametrize("mode", ["L", "I;16", "F"])
def test_a_tiff_whose_zero_is_white(tmp_path: Path, mode: str) -> None:
    MODES[mode]().save(tmp_path / "a.tif", tiffinfo={262: 0})
    sign = 1 if mode == "L" else -1  # Pillow inverts bytes when it writes them, too
    np.testing.assert_allclose(
        load(Image(path=tmp_path / "a.tif", color="grey"))[0].x0[0], sign * (2 * RAMP - 1), atol=0.01
    )


@pytest.mark.parametrize("kind", [Image, Picture, Clip])
@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (RAMP * 255, "its pixels are fractions from 0 to 255: scale them to 0…1"),
        (RAMP - 0.5, "its pixels are fractions from -0.5 to 0.5: scale them to 0…1"),
        (np.full((6, 6), np.nan), "its pixels are fractions from nan to nan: scale them to 0…1"),
        ((RAMP * 2**31 - 1).astype(np.int32), "its pixels are 32-bit integers: save them with 8 or 16 bits"),
        ((RAMP * 255).astype(np.int32), "its pixels are 32-bit integers: save them with 8 or 16 bits"),
    ],
)
def test_ranges_that_are_not_known(tmp_path: Path, kind: type[Dataset], pixels: np.ndarray, reason: str) -> None:
    pixels = pixels.astype(np.float32) if pixels.dtype.kind == "f" else pixels
    Pillow.fromarray(pixels).save(tmp_path / "a.tif")
    subject = "frame 1" if kind is Clip else "the picture"
    assert refusal(kind(path=tmp_path / "a.tif")) == f"{tmp_path / 'a.tif'}: {subject} cannot be decoded: {reason}"


def folder_of(tmp_path: Path, *names: str) -> Images:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        BYTES.save(tmp_path / name)
    return Images(folder=tmp_path, size=(4, 4))


@pytest.mark.parametrize(
    "hidden", [".ipynb_checkpoints/a.png", ".a.png", "b/._a.png", "b/.thumbnails/a.png", ".git/a.png", "c/.a.png"]
)
def test_hidden_files_and_folders_do_not_count(tmp_path: Path, hidden: str) -> None:
    data, warnings = load(folder_of(tmp_path, "a/1.png", "b/2.png", hidden))
    assert (data.labels.tolist(), warnings) == ([0, 1], [])


def test_a_hidden_folder_can_be_named(tmp_path: Path) -> None:
    folder_of(tmp_path / ".hidden", "1.png")
    assert len(load(Images(folder=tmp_path / ".hidden"))[0].x0) == 1


UNREADABLE = {
    "text": b"no picture",
    "empty": b"",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "cut": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("name", ["a.png", "b.png", "x/a.jpg"])
def test_unreadable_neighbours_are_left_out(tmp_path: Path, kind: str, name: str) -> None:
    images = folder_of(tmp_path, "1.png", "x/2.png")
    (tmp_path / name).write_bytes(UNREADABLE[kind])
    data, warnings = load(images)
    assert data.labels.tolist() == [0, 1]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"2 of 3 pictures are read: {tmp_path / name}: ")
    (tmp_path / "3.png").write_bytes(b"")
    assert load(images)[1][0].endswith(" and 1 more")


def test_a_class_without_readable_pictures_does_not_count(tmp_path: Path) -> None:
    images = folder_of(tmp_path, "a/1.png", "c/2.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.png").write_bytes(b"")
    data, warnings = load(images)
    assert (data.labels.tolist(), len(warnings)) == ([0, 1], 1)


def test_a_link_to_nowhere_is_no_picture(tmp_path: Path) -> None:
    images = folder_of(tmp_path, "a.png")
    (tmp_path / "b.png").symlink_to("nowhere.png")
    assert len(load(images)[0].x0) == 1
