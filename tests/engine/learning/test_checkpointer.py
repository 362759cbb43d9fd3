"""Checkpoints: training resumes where it was interrupted, and no work is lost or repeated."""

import random
import re
import shutil

import pytest
import torch
from small import Even, Interrupting, Small, context, same, weights_of

from fuzz.damage import DAMAGE
from noisereel.learning import checkpointer, load_weights, read_facts
from noisereel.learning.checkpointer import CHECKPOINT, WEIGHTS
from noisereel.support.errors import NoisereelError
from noisereel.support.progress import Progress


@pytest.mark.parametrize("more", [{}, {"held_out": 0.2, "patience": 50}])
def test_training_that_was_resumed_equals_training_that_was_not(tmp_path, more):
    small = Small(**more)
    whole = weights_of(small, context(tmp_path / "whole"))
    for after, step in ((100, 50), (120, 100)):
        stopped = context(tmp_path / "parts", progress=Interrupting(after), resume=True)
        with pytest.raises(KeyboardInterrupt):
            small.weights_file(stopped)
        kept = next((tmp_path / "parts").rglob(CHECKPOINT))
        # The state before the one that was interrupted is kept.
        assert read_facts(kept)["training"]["step"] == step
        message = f"training stopped at step {step} of 120; --resume continues from there"
        assert stopped.training.progress.messages == [message]
    parts = weights_of(small, context(tmp_path / "parts", resume=True))
    assert same(whole, parts)
    assert not kept.exists()


def test_a_checkpoint_is_only_replaced_by_one_that_got_further(tmp_path):
    small = Small(steps=400)

    def stop(after, resume=False):
        progress = Interrupting(after)
        with pytest.raises(KeyboardInterrupt):
            small.weights_file(context(tmp_path, progress=progress, resume=resume))
        messages.extend(progress.messages)
        return read_facts(next(tmp_path.rglob(CHECKPOINT)))["training"]["step"]

    messages = []
    assert [stop(200), stop(100), stop(250), stop(300, resume=True)] == [150, 150, 200, 250]
    assert messages[:2] == [
        "training stopped at step 150 of 400; --resume continues from there",
        "training stopped at step 50 of 400; --resume continues from step 150, reached by an earlier training",
    ]


def test_no_resuming_is_offered_without_a_persistent_cache(tmp_path):
    stopped = context(tmp_path, progress=Interrupting(100), persistent=False)
    with pytest.raises(KeyboardInterrupt):
        Small().weights_file(stopped)
    assert stopped.training.progress.messages == ["training stopped at step 50 of 120"] and not [
        *tmp_path.rglob(CHECKPOINT)
    ]
    with pytest.raises(NoisereelError, match=r"try a learning_rate below 1e\+30$"):
        Small(learning_rate=1e30, warm_up=0, steps=300).bind(context(tmp_path, persistent=False))


def test_a_damaged_checkpoint_is_reported_and_training_starts_over(tmp_path):
    small, stopped = Small(), context(tmp_path, progress=Interrupting(100))
    with pytest.raises(KeyboardInterrupt):
        small.weights_file(stopped)
    kept = next(tmp_path.rglob(CHECKPOINT))
    kept.write_bytes(kept.read_bytes()[:-100])
    progress = Interrupting(1000)
    weights = weights_of(small, context(tmp_path, progress=progress, resume=True))
    (line,) = progress.messages
    assert line.startswith(f"{kept}: is damaged") and line.endswith("; training starts over")
    assert same(weights, weights_of(small, context(tmp_path / "whole")))


def test_a_checkpoint_without_the_snapshots_to_show_starts_over(tmp_path):
    small = Small()
    with pytest.raises(KeyboardInterrupt):
        small.weights_file(context(tmp_path, progress=Interrupting(100)))
    progress = Interrupting(1000)
    resumed = small.snapshots(context(tmp_path, progress=progress, resume=True), [20, 90, 120])
    assert progress.messages == ["the earlier training lacks snapshots that are shown; training starts over"]
    x, level = torch.tensor([[0.5, 1.5]]), Even().at(4.0)
    for snapshot, whole in zip(resumed, small.snapshots(context(tmp_path / "whole"), [20, 90, 120]), strict=True):
        assert torch.equal(snapshot.model(x, level), whole.model(x, level))


def test_nothing_is_trained_twice_and_damaged_weights_are_trained_again(tmp_path):
    class Counting(Progress):
        trained = 0

        def bar(self, label, total):
            type(self).trained += 1
            return super().bar(label, total)

    messages = []
    progress = Counting(quiet=True)
    progress.warn = messages.append
    ctx = context(tmp_path, progress=progress)
    file = Small().weights_file(ctx)
    first = load_weights(file)
    Small().bind(ctx)
    assert Counting.trained == 1
    file.write_bytes(file.read_bytes()[:-100])
    assert same(weights_of(Small(), ctx), first)
    assert Counting.trained == 2
    (line,) = messages
    assert line.startswith(f"{file}: is damaged or not a safetensors file (")
    assert line.endswith("; it is trained again")


def test_an_infinite_loss_stops_training(tmp_path):
    small = Small(learning_rate=1e30, warm_up=0, steps=300)
    with pytest.raises(NoisereelError) as error:
        small.bind(context(tmp_path))
    line = str(error.value)
    assert line.startswith("denoiser Small: the loss of step ") and "\n" not in line
    assert line.endswith(" is not finite; try a learning_rate below 1e+30")  # no weights to keep yet


def test_a_loss_that_turns_bad_later_leaves_the_last_good_weights(tmp_path, monkeypatch):
    """The loss is infinite from step 131 on; the state of step 100 was the last one checked."""
    plain = Small.loss
    count = iter(range(1000))
    monkeypatch.setattr(Small, "loss", lambda self, net, batch: plain(self, net, batch) / (next(count) < 130))
    with pytest.raises(NoisereelError) as error:
        Small(steps=300).bind(context(tmp_path))
    (kept,) = tmp_path.rglob(CHECKPOINT)
    line = str(error.value)
    assert line.startswith("denoiser Small: the loss of step 131 is not finite; try a learning_rate below 0.002")
    assert line.endswith(f". The weights of step 100 are kept in {kept}")
    assert read_facts(kept)["training"]["step"] == 100
    assert all(bool(torch.isfinite(t).all()) for t in load_weights(kept).values())


def test_there_is_room_for_a_checkpoint_with_the_optimisers_moments(tmp_path, monkeypatch):
    """The trial file is no smaller than the checkpoints."""
    sizes = {}
    plain = checkpointer.save_weights

    def save(path, tensors, facts):
        plain(path, tensors, facts)
        sizes[path.name] = max(sizes.get(path.name, 0), sum(t.numel() for t in tensors.values()))

    monkeypatch.setattr(checkpointer, "save_weights", save)
    with pytest.raises(KeyboardInterrupt):
        Small().weights_file(context(tmp_path, progress=Interrupting(100)))
    assert sizes["checkpoint.safetensors"] <= sizes["trial.safetensors"] + 100  # + AdamW's counters


def test_an_unwritable_cache_is_noticed_before_the_work(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    progress = Interrupting(1)
    with pytest.raises(KeyboardInterrupt):
        Small().bind(context(tmp_path / "cache", progress=progress))
    (line,) = (message for message in progress.messages if "stopped" not in message)
    assert re.fullmatch(r"trained networks are not kept: cannot write .*/trial\.safetensors: Not a directory", line)


@pytest.mark.parametrize("how", ["unwritable", "filled", "cleared"])
def test_a_network_whose_cache_fails_is_used_all_the_same_and_trained_once(tmp_path, monkeypatch, how):
    expected = Small().bind(context(tmp_path / "whole"))
    cache, progress = tmp_path / "cache", Interrupting(10_000)
    plain = checkpointer.save_weights

    def save(path, tensors, facts):
        if how == "cleared":
            shutil.rmtree(cache, ignore_errors=True)
        elif cache in path.parents and (how == "unwritable" or path.name == WEIGHTS):
            raise NoisereelError(f"cannot write {path}: No space left on device")
        plain(path, tensors, facts)

    monkeypatch.setattr(checkpointer, "save_weights", save)
    ctx = context(cache, progress=progress)
    x, level = torch.tensor([[0.5, 1.5]]), Even().at(4.0)
    for _ in range(2):
        assert torch.equal(Small().bind(ctx)(x, level), expected(x, level))
        monkeypatch.setattr("noisereel.learning.trained_denoiser.Training", None)
    assert len(progress.messages) == (how != "cleared")


@pytest.mark.parametrize("name", [WEIGHTS, "step-60.safetensors"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_files_are_trained_again(tmp_path, name, damage):
    ctx, x, level = context(tmp_path, progress=Interrupting(10_000)), torch.tensor([[0.5, 1.5]]), Even().at(4.0)

    def outputs():
        models = [Small().bind(ctx), *(s.model for s in Small().snapshots(ctx, [60, 120]))]
        return [model(x, level).tolist() for model in models]

    expected = outputs()
    (file,) = tmp_path.rglob(name)
    damage(file, random.Random(1))
    assert outputs() == expected
    assert all(message.endswith("; it is trained again") for message in ctx.training.progress.messages)
    count = len(ctx.training.progress.messages)
    assert outputs() == expected and len(ctx.training.progress.messages) == count


def test_a_file_copied_from_elsewhere_is_not_taken_for_another(tmp_path):
    ctx = context(tmp_path, progress=Interrupting(10_000))
    Small().snapshots(ctx, [60, 120])
    (first,), (last,) = tmp_path.rglob("step-60.safetensors"), tmp_path.rglob("step-120.safetensors")
    shutil.copy(last, first)
    Small().snapshots(ctx, [60, 120])
    assert ctx.training.progress.messages == [f"{first}: is damaged: it belongs elsewhere; it is trained again"]
