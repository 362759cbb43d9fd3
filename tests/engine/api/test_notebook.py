"""A notebook: cells in a real kernel."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel
from PIL import Image

SETUP = """
import noisereel as nr
FORWARD = {"schedule": {"cosine": {"steps": 6}}, "film": {"frames": 6, "hold": 0, "size": [160, 120]}}
"""
MINE = """
class Mine(nr.Dataset):
    n: int = 50
    def load(self, ctx):
        return nr.Data(ctx.draw.normal(self.n, 2) * SCALE)

class Dots(nr.Renderer):
    space = "plane"
    def extent(self, run):
        return None
    def marks(self, run, moment, ctx):
        yield nr.Points(run.trajectory.series("x", moment.index) / 10 + 0.5, ctx.theme.color("blue"))

scene = nr.Scene(dataset=Mine(), sampler="forward", panels=[{"layers": [Dots()]}], **FORWARD)
"""
SLOW = """
import time
class Slow(nr.Sampler):
    needs = frozenset()
    def step(self, x, t, s, ctx, carry):
        open("started", "w").close()
        time.sleep(0.05)
        return nr.Step(x)
nr.render(nr.Scene(dataset="two-moons", schedule="cosine", sampler=Slow()), "slow.gif", cache="cache")
"""


class Notebook:
    """Runs cells and returns what they print."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def run(self, code: str) -> str:
        printed: list[str] = []

        def take(message: dict) -> None:  # type: ignore[type-arg]
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, output_hook=take, timeout=300)
        content = reply["content"]
        return content["ename"] if content["status"] == "error" else "".join(printed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def notebook(folder: Path) -> Iterator[Notebook]:
    manager, client = start_new_kernel(cwd=str(folder), env={**os.environ, "NOISEREEL_CACHE": str(folder / "cache")})
    try:
        notebook = Notebook(manager, client)
        assert notebook.run(SETUP) == ""
        yield notebook
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_classes_of_a_cell_are_drawn_by_several_processes(notebook: Notebook, folder: Path) -> None:
    assert notebook.run(f"SCALE = 1\n{MINE}") == ""
    assert notebook.run('nr.render(scene, "one-{frame}.png", workers=1);') == ""
    assert notebook.run('nr.render(scene, "two-{frame}.png", workers=2);') == ""
    for i in range(6):
        with Image.open(folder / f"one-{i}.png") as one, Image.open(folder / f"two-{i}.png") as two:
            assert one.tobytes() == two.tobytes()


def test_an_edited_cell_is_simulated_again(notebook: Notebook) -> None:
    measure = f"{MINE}\nprint(round(float(nr.simulate(scene)['run'].x[0].std())))"
    assert notebook.run(f"SCALE = 1\n{measure}") == "1\n"
    assert notebook.run(f"SCALE = 3\n{measure}") == "3\n"
    assert notebook.run(measure.replace("* SCALE", "* 5")) == "5\n"


def test_an_interrupt_leaves_nothing_and_the_next_cell_works(notebook: Notebook, folder: Path) -> None:
    client = notebook.client
    sent = client.execute(SLOW)
    deadline = time.monotonic() + 120
    while not (folder / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    notebook.manager.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=120))["parent_header"]["msg_id"] != sent:
        pass
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert [*folder.glob("*slow*"), *folder.glob(".*")] == []
    assert [*(folder / "cache/runs").glob(".*")] == []
    assert (
        notebook.run('print(*nr.render(nr.load("swiss-roll-forward", {"film.frames": 2}), "after.gif"))')
        == "after.gif\n"
    )
