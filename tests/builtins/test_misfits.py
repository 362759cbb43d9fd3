"""Scenes whose parts do not fit together: refused before anything is simulated, or warned of."""

from pathlib import Path

import pytest

from noisereel.cli.main import main

STANDARDISE = "write 'dataset: {standardised: …}' to scale them first"


def validate(folder: Path, scene: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run ``noisereel validate``; return its exit code and the lines on stderr."""
    file = folder / "s.yaml"
    file.write_text(scene, encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["validate", str(file)])
    lines = capsys.readouterr().err.replace(f"{file}", "s.yaml").splitlines()
    return int(end.value.code or 0), lines


POINTS = "dataset: {disc: {n: 50}}\nschedule: cosine\nsampler: ddim\n"
IMAGE = "dataset: {mandrill: {size: 16}}\nschedule: cosine\nsampler: forward\n"


@pytest.mark.parametrize(
    ("scene", "lines"),
    [
        (
            POINTS + "denoiser: mixture\n",
            [
                "s.yaml:4:11: denoiser: the mixture denoiser needs data drawn from a mixture of Gaussians, "
                "such as mixture or grid"
            ],
        ),
        (
            POINTS + "denoiser: {gaussian: {mean: [0, 0, 0], std: 1}}\n",
            ["s.yaml:4:11: denoiser: the gaussian denoiser's 'mean' is for 3 coordinates, but the samples have 2"],
        ),
        (
            POINTS + "denoiser: {guided: {of: empirical, label: 1}}\n",
            ["s.yaml:4:11: denoiser: the guided denoiser needs data with labels"],
        ),
        (
            IMAGE + "metrics: [entropy, mean, mode-coverage]\n",
            [
                "s.yaml:4:10: metrics: entropy and kl count points of 1, 2 or 3 dimensions in cells, "
                "but a sample here is 16×16 numbers",
                "s.yaml:4:10: metrics: mode-coverage needs data with labels",
            ],
        ),
        (
            POINTS + "denoiser: empirical\nmetrics: [log-likelihood]\n",
            [
                "s.yaml:5:10: metrics: log-likelihood needs a denoiser whose data have a density, "
                "such as mixture or gaussian; the density of single points is infinite"
            ],
        ),
        *(
            (
                POINTS.replace("ddim", sampler) + "denoiser: gaussian\nmetrics: [log-likelihood]\n",
                [
                    "s.yaml:5:10: metrics: log-likelihood needs a sampler that follows the density: "
                    "{ode: {likelihood: true}}"
                ],
            )
            for sampler in ("ode", "ddim", "[{ode: {likelihood: true, steps: 5}}, forward, ddpm]")
        ),
        (
            POINTS.replace(
                "{disc: {n: 50}}", "{mixture: {means: [[0, 0]], weights: [1], covariances: [[[1, 2], [2, 1]]]}}"
            )
            + "denoiser: mixture\n",
            ["s.yaml:1:20: dataset.mixture: 'covariances[0]' must be symmetric and positive definite"],
        ),
        (
            POINTS.replace("{disc: {n: 50}}", "{array: [[1, 2], [3]]}") + "denoiser: empirical\n",
            ["s.yaml:1:18: dataset.array: must be numbers in lists of equal length, such as [[1, 0], [0, 1]]"],
        ),
        (
            POINTS.replace("{disc: {n: 50}}", "{csv: points.csv}") + "denoiser: empirical\n",
            ["s.yaml:1:10: dataset: points.csv: row 2, column 1 (x): must be a finite number, got 'nan'"],
        ),
    ],
    ids=["mixture", "gaussian", "guided", "metrics", "points", "ode", "ddim", "acts", "covariance", "array", "csv"],
)
def test_misfits_are_refused_when_validating(
    scene: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "points.csv").write_text("x,y\nnan,1\n", encoding="utf-8")
    code, printed = validate(tmp_path, scene, capsys)
    assert [line.replace(f"{tmp_path}/", "") for line in printed] == lines
    assert code == 2


def test_likely_mistakes_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = (
        "dataset: {standardised: {of: {mixture: {weights: [5, 3, 2], n: 50}}}}\n"
        "schedule: cosine\nsampler: ddim\n"
        "denoiser: {blend: {of: [empirical, gaussian], weights: [1, 2]}}\n"
        "runs: {a: {}, b: {seed: 1}}\n"
    )
    code, printed = validate(tmp_path, scene, capsys)
    assert printed == [
        "warning: s.yaml:1:10: dataset: 'weights' sum to 10, not 1; they are normalised to 0.5, 0.3, 0.2",
        "warning: s.yaml:4:11: denoiser: 'weights' sum to 3, not 1; they are normalised",
    ]
    assert code == 0


@pytest.mark.parametrize("value", ["3e38", "-1e16"])
@pytest.mark.parametrize(
    "dataset", ["{{array: [[0, 0], [{0}, 1]]}}", "{{mixture: {{means: [[{0}, 0]], weights: [1], stds: [0.1], n: 5}}}}"]
)
def test_data_too_large_to_compute_with_are_refused(
    value: str, dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = f"dataset: {dataset.format(value)}\nschedule: cosine\nsampler: forward\n"
    size = f"{abs(float(value)):.3g}"
    assert validate(tmp_path, scene, capsys) == (
        2,
        [f"s.yaml:1:10: dataset: the data reaches {size}, too large to compute with; {STANDARDISE}"],
    )


@pytest.mark.parametrize(
    "part",
    [
        "denoiser: {gaussian: {mean: [3e38, 0]}}",
        "denoiser: {gaussian: {std: 1e300}}",
        "sampler: {bridge: {end: [1e300, 0]}}",
    ],
)
def test_parameters_too_large_to_compute_with_are_refused(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [line for line in POINTS.splitlines() if line.partition(":")[0] != part.partition(":")[0]]
    code, (line, *_) = validate(tmp_path, "\n".join([*kept, part, ""]), capsys)
    assert code == 2
    assert "must be between" in line
