"""Tables as programs write them: what is read is what was meant."""

from pathlib import Path

import numpy as np
import pytest
import torch

from noisereel.contracts.dataset import Data, LoadContext
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.tables import csv, layout
from noisereel_builtins.datasets.tables.csv import Csv

POINTS = [[1, 2], [3, 4.5], [5.25, -6]]


def load(folder: Path, text: str | bytes, **fields: object) -> tuple[Data, list[str]]:
    """Load a table; return the data and the warnings."""
    content = text.encode() if isinstance(text, str) else text
    (folder / "p.csv").write_bytes(content)
    warnings: list[str] = []
    return Csv(path=Path("p.csv"), **fields).load(LoadContext(folder, LoadDraw(0), warnings.append)), warnings


def refusal(folder: Path, text: str, **fields: object) -> str:
    with pytest.raises(ValueError) as error:
        load(folder, text, **fields)
    return str(error.value).removeprefix(f"{folder / 'p.csv'}: ")


CLEAR = {
    "comment as header, blanks": "# x y\n1 2\n3 4.5\n5.25 -6\n",
    "comment as header, commas": "# x,y\n1,2\n3,4.5\n5.25,-6\n",
    "comment as header, commas over blanks": "# x, y\n1 2\n3 4.5\n5.25 -6\n",
    "comment without a blank": "#x,y\n1,2\n3,4.5\n5.25,-6\n",
    "several comments": "# made by hand, in 2024\n#\n# x y\n1 2\n3 4.5\n5.25 -6\n",
    "comments and a header": "# a table\nx,y\n1,2\n3,4.5\n5.25,-6\n",
    "comments between rows": "x,y\n1,2\n# half\n3,4.5\n#\n5.25,-6\n# end\n",
    "a separator in a quoted name": '"width; cm","height"\n1,2\n3,4.5\n5.25,-6\n',
    "other separators in quoted names": '"a, b"\t"c; d"\n1\t2\n3\t4.5\n5.25\t-6\n',
    "separators in all names": '"a;b";"c,d\te"\n1;2\n3;4.5\n5.25;-6\n',
    "a newline in a name": '"width\nin cm",height\n1,2\n3,4.5\n5.25,-6\n',
    "a CRLF in a name": '"width\r\nin cm",height\r\n1,2\r\n3,4.5\r\n5.25,-6\r\n',
    "quotes in a name": '"the ""x""",y\n1,2\n3,4.5\n5.25,-6\n',
    "quoted names over blanks": '"the x" "the y"\n1 2\n3 4.5\n5.25 -6\n',
    "everything quoted": '"x","y"\n"1","2"\n"3","4.5"\n"5.25","-6"\n',
    "an empty column at the end": "x,y,\n1,2,\n3,4.5,\n5.25,-6,\n",
    "an empty column at the end, unnamed": "x,y\n1,2,\n3,4.5,\n5.25,-6,\n",
    "an empty name at the end": "x,y,\n1,2\n3,4.5\n5.25,-6\n",
    "empty columns at the end": "1;2;;\n3;4.5;;\n5.25;-6;;\n",
    "an empty column at the end of some": "x,y\n1,2\n3,4.5,\n5.25,-6\n",
    "old Mac": "x,y\r1,2\r3,4.5\r5.25,-6\r",
    "bars": "x|y\n1|2\n3|4.5\n5.25|-6\n",
    "Excel's separator": "sep=;\nx;y\n1;2\n3;4.5\n5.25;-6\n",
    "tabs and blanks": " x \t y\n1\t 2\n3 \t4.5\n5.25\t-6\n",
    "blanks after commas": "x, y\n1, 2\n3, 4.5\n5.25, -6\n",
    "blank lines": "\n\nx,y\n\n1,2\n  \n3,4.5\n5.25,-6\n\n",
    "exponents and signs": "x,y\n+1e0,2.\n.3e1,45E-1\n5.25,-6\n",
}


@pytest.mark.parametrize("name", CLEAR)
def test_clear_tables(tmp_path: Path, name: str) -> None:
    data, warnings = load(tmp_path, CLEAR[name])
    assert data.x0.tolist() == POINTS
    assert warnings == []


def test_one_column(tmp_path: Path) -> None:
    for text in ("petal length\n1\n2\n", "1\n2\n", "# x\n1\n2\n", '"a, b"\n1\n2\n'):
        assert load(tmp_path, text)[0].x0.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("# x y\n1 2\n", ("x", "y")),
        ('"width; cm","height"\n1,2\n', ("width; cm", "height")),
        ('"a\nb",c\n1,2\n', ("a\nb", "c")),
        ('"a ""b""","c, d"\n1,2\n', ('a "b"', "c, d")),
        ('"the x" "the y"\n1 2\n', ("the x", "the y")),
    ],
)
def test_names_of_columns(tmp_path: Path, text: str, names: tuple[str, str]) -> None:
    assert load(tmp_path, text, columns=names[::-1])[0].x0.tolist() == [[2, 1]]


ROWS = "0.5,0.75\n1.5,0.25\n2.5,3.25\n"


@pytest.mark.parametrize("first", ["2019,2020", "2020,2019", "1990,2010", "0,1", "1,2"])
def test_numbers_that_may_be_names(tmp_path: Path, first: str) -> None:
    text = f"{first}\n{ROWS}"
    shown = first.replace(",", ", ")
    data, warnings = load(tmp_path, text)
    assert len(data.x0) == 4
    assert warnings == [f"the first row is taken as values ({shown}); 'header: true' takes it as names"]
    assert [(len(load(tmp_path, text, header=h)[0].x0), load(tmp_path, text, header=h)[1]) for h in (True, False)] == [
        (3, []),
        (4, []),
    ]
    named = load(tmp_path, text, header=True, columns=(first.split(",")[1],))[0]
    assert named.x0.tolist() == [[0.75], [0.25], [3.25]]


@pytest.mark.parametrize("first", ["1.5,2", "3,3", "2,1", "1,-2"])
def test_ordinary_first_rows(tmp_path: Path, first: str) -> None:
    assert load(tmp_path, f"{first}\n{ROWS}")[1] == []
    assert load(tmp_path, "10,20\n9,19\n8,18\n7,17\n")[1] == []


def test_a_word_above_numbers_is_a_name(tmp_path: Path) -> None:
    data, warnings = load(tmp_path, f"mass,2020\n{ROWS}")
    assert len(data.x0) == 3
    assert warnings == ["the first row is taken as names (mass, 2020); 'header: false' takes it as values"]
    message = "row 1, column 1: must be a finite number, got 'mass'"
    assert refusal(tmp_path, f"mass,2020\n{ROWS}", header=False) == message


@pytest.mark.parametrize("cell", ["NA", "n/a", "", "-", "null", "nan", "?"])
def test_a_missing_number_is_not_a_name(tmp_path: Path, cell: str) -> None:
    message = f"row 1, column 1: must be a finite number, got '{cell}'"
    assert refusal(tmp_path, f"{cell},2\n{ROWS}") == message


INDEXED = {
    "pandas": ",x,y\n0,1,2\n1,3,4.5\n2,5.25,-6\n",
    "pandas, twice": "Unnamed: 0,x,y\n0,1,2\n1,3,4.5\n2,5.25,-6\n",
    "from 1": ",x,y\n1,1,2\n2,3,4.5\n3,5.25,-6\n",
    "R": '"x" "y"\n"1" 1 2\n"2" 3 4.5\n"3" 5.25 -6\n',
    "R, commas": '"","x","y"\n"1",1,2\n"2",3,4.5\n"3",5.25,-6\n',
    "an empty column, too": ",x,y,\n0,1,2,\n1,3,4.5,\n2,5.25,-6,\n",
}


@pytest.mark.parametrize("name", INDEXED)
def test_an_index_without_a_name_is_left_out(tmp_path: Path, name: str) -> None:
    data, warnings = load(tmp_path, INDEXED[name])
    assert data.x0.tolist() == POINTS
    message = "the first column has no name and counts the rows, so it is left out: the coordinates are x, y"
    assert warnings == [message]
    chosen, warnings = load(tmp_path, INDEXED[name], columns=(1, "y"))
    assert chosen.x0.shape == (3, 2)
    assert warnings == []
    assert load(tmp_path, INDEXED[name], label=1)[0].x0.tolist() == POINTS


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (",x\n7,2\n9,4\n", "has no name: the coordinates are column 1, x"),
        ("id,x\n0,2\n1,4\n", "counts the rows: the coordinates are id, x"),
        ("0,5,2\n1,5,4\n", "counts the rows: the coordinates are column 1, column 2, column 3"),
    ],
)
def test_what_may_be_an_index_is_warned_of(tmp_path: Path, text: str, warning: str) -> None:
    data, warnings = load(tmp_path, text)
    assert data.x0.shape[1] == text.partition("\n")[0].count(",") + 1
    assert warnings == [f"the first column {warning}; 'columns' takes others"]


@pytest.mark.parametrize("text", ["t,x\n0,2\n1,4\n", "0,3\n1,4\n", "x,y\n0,5\n2,5\n"])
def test_what_is_no_index(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text)[1] == []


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["1", "1.0", "2", "1e0"], [0, 0, 1, 0]),
        (["10", "9", "-1", "9.0"], [2, 1, 0, 1]),
        (["01", "1", "+1", "2"], [0, 0, 0, 1]),
        (["a", "1", "1.0", "a"], [2, 0, 1, 2]),
        (["9007199254740993", "9007199254740992", "9007199254740993", "1"], [2, 1, 2, 0]),
        (["pear", " pear ", '"pear"', "apple"], [1, 1, 1, 0]),
        (['"a, b"', '"a\nb"', "#ff0000", '"a, b"'], [2, 1, 0, 2]),
        (["0", "-0", "0.0", "0"], [0, 0, 0, 0]),
        (["inf", "1", "1", "inf"], [1, 0, 0, 1]),
    ],
)
def test_classes_are_compared_as_what_they_are(tmp_path: Path, labels: list[str], classes: list[int]) -> None:
    rows = "".join(f"{label},{i}\n" for i, label in enumerate(labels))
    data, _ = load(tmp_path, rows, label=1, header=False)
    assert data.labels.tolist() == classes
    assert data.x0.tolist() == [[0], [1], [2], [3]]


def test_colours_as_classes_in_the_first_row(tmp_path: Path) -> None:
    data, _ = load(tmp_path, "#ff0000,1,2\n#00ff00,3,4\n", label=1)
    assert (data.labels.tolist(), data.x0.tolist()) == ([1, 0], [[1, 2], [3, 4]])


@pytest.mark.parametrize("cell", ["", "nan", "NaN"])
def test_a_missing_class(tmp_path: Path, cell: str) -> None:
    text = f"kind,x\n1,2\n{cell},3\n"
    assert refusal(tmp_path, text, label="kind") == "row 3, column 1 (kind): the class is missing"


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        ("x,x\n1,2\n", {"columns": ("x",)}, "2 columns are named 'x': give the number of one, from 1 to 2"),
        (
            "0,1\n5,6\n",
            {"columns": (1,), "header": True},
            "column 1 may be the 1. one or that named '1': write the name in quotes",
        ),
        ("x,y\n1,2\n", {"columns": ()}, "there is no column for the coordinates"),
        ("x\n1\n2\n", {"label": "x"}, "there is no column for the coordinates"),
        ("x,y\n1,2\n1_0,4\n", {}, "row 3, column 1 (x): must be a finite number, got '1_0'"),
        ('x,y\n1,2\n"\n\n3",4\n5,z\n', {}, "row 6, column 2 (y): must be a finite number, got 'z'"),
        ("# a\n\nx,y\n1,2\n3,z\n", {}, "row 5, column 2 (y): must be a finite number, got 'z'"),
        ("x,y\n1,2\n3,4,5\n", {}, "row 3: 3 values, but the first row has 2"),
        ("x,y,z\n1,2,\n3,4,\n", {}, "row 2, column 3 (z): must be a finite number, got ''"),
        ("\0\0\0\0", {}, "must be UTF-8 text"),
        ("1" * 300_000, {}, "the first line has more than 262,144 characters"),
        ('x,y\n1,"2\n' + "3,4\n" * 50_000, {}, "row 2: field larger than field limit (131072); does a quote not end?"),
    ],
)
def test_refusals(tmp_path: Path, text: str, fields: dict[str, object], message: str) -> None:
    assert refusal(tmp_path, text, **fields) == message


@pytest.mark.parametrize("rows", [1, 2, 1000, 60_000])
@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
@pytest.mark.parametrize("labelled", [False, True])
def test_both_ways_of_reading_agree(
    tmp_path: Path, rows: int, separator: str, labelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).normal(size=(rows, 3)) * 10.0 ** np.arange(3)
    values[:, 2] = values[:, 2].round()
    text = separator.join("xyz") + "\n" + "".join(separator.join(map(repr, row)) + "\n" for row in values.tolist())
    label = "z" if labelled else None
    fast, _ = load(tmp_path, text, label=label)
    monkeypatch.setattr(csv._Table, "_quickly", lambda table: None)
    exact, _ = load(tmp_path, text, label=label)
    assert torch.equal(fast.x0, exact.x0)
    np.testing.assert_array_equal(fast.x0, values[:, : 2 if labelled else 3])
    if labelled:
        assert torch.equal(fast.labels, exact.labels)


def test_an_error_far_down_is_found(tmp_path: Path) -> None:
    text = "x,y\n" + "1,2\n" * 100_000 + "3,oops\n"
    assert refusal(tmp_path, text) == "row 100002, column 2 (y): must be a finite number, got 'oops'"


def test_rows_are_estimated_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noisereel.support.memory.available", lambda: 2**20)
    text = "x,y\n" + "1.25,2.25\n" * 100_000
    assert refusal(tmp_path, text).startswith("99,9") or refusal(tmp_path, text).startswith("100,")
    assert "rows need about" in refusal(tmp_path, text)


def test_the_size_of_a_file_is_checked_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "p.csv").open("wb") as file:
        file.truncate(5 * 2**30)  # takes no room on the disk
    with pytest.raises(ValueError) as error:
        Csv(path=Path("p.csv")).load(LoadContext(tmp_path, LoadDraw(0)))
    assert str(error.value) == f"{tmp_path / 'p.csv'}: has 5.4 GB; at most 1.1 GB can be read"


def test_the_head_may_end_within_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for head in range(14, 40):
        monkeypatch.setattr(layout, "_HEAD", head)
        assert load(tmp_path, "x,y\n1,2\n3,4.5\n5.25,-6\n")[0].x0.tolist() == POINTS
