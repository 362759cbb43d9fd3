"""Pipes and devices in place of files: refused, never read."""

import json
import os
from pathlib import Path

import pytest

import noisereel as nr

WHERE = {
    "csv": ("dataset", "{csv: FILE}"),
    "array": ("dataset", "{array: FILE}"),
    "image": ("dataset", "{image: FILE}"),
    "picture": ("dataset", "{picture: FILE}"),
    "clip": ("dataset", "{clip: FILE}"),
    "standardised": ("dataset", "{standardised: {of: {csv: FILE}}}"),
    "pretrained": ("denoiser", "{pretrained: FILE}"),
}


def special(folder: Path, kind: str) -> Path:
    file = folder / "a.png"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero" if kind == "device" else "/dev/stdin")
    return file


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", WHERE)
def test_only_regular_files_are_read(tmp_path: Path, name: str, kind: str) -> None:
    key, value = WHERE[name]
    file = special(tmp_path, kind)
    dataset = "two-moons" if key == "denoiser" else ""
    text = f"dataset: {dataset}\n" if dataset else ""
    text += f"{key}: {value.replace('FILE', json.dumps(str(file)))}\nschedule: linear\n"
    text += "sampler: forward\nparticles: 9\n" if key == "dataset" else "sampler: ddim\nparticles: 9\n"
    described = "folder" if kind == "folder" else "pipe or device"
    with pytest.raises(nr.NoisereelError) as error:
        nr.validate(nr.load(text))
    assert str(error.value).endswith(f"{file}: must be a file, not a {described}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", ["unet/config.json", "scheduler/scheduler_config.json"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_diffusers_folder_with_special_files(tmp_path: Path, part: str, kind: str) -> None:
    for name in ("unet/config.json", "scheduler/scheduler_config.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("{}", encoding="utf-8")
    (tmp_path / part).unlink()
    if kind == "pipe":
        os.mkfifo(tmp_path / part)
    else:
        (tmp_path / part).symlink_to("/dev/zero")
    scene = {"dataset": "digits", "denoiser": {"diffusers": str(tmp_path)}, "schedule": "linear", "sampler": "ddim"}
    with pytest.raises(nr.NoisereelError, match="must be a file, not a pipe or device"):
        nr.validate(nr.load({**scene, "particles": 9}))


def test_special_files_in_a_folder_of_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    with pytest.raises(nr.NoisereelError, match="there is no picture in this folder"):
        nr.validate(nr.load({"dataset": {"images": str(tmp_path)}, "schedule": "linear", "sampler": "forward"}))
