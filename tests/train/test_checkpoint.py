"""Checkpoints: the new state or the one before, with all of an optimiser and a generator."""

import pytest
import torch
from torch import nn

from labelgraph.train import checkpoint
from labelgraph.train.checkpoint import Checkpoint


def state(number):
    return {"x": torch.full((2,), float(number))}, {"done": number}


def test_an_unfinished_save_leaves_the_state_before(tmp_path, monkeypatch):
    """Killed between writing the tensors and writing the line that names them, or at that line."""
    kept = Checkpoint(tmp_path)
    kept.save(*state(1))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.save(*state(2))
    tensors, found = kept.load()
    assert tensors["x"].tolist() == [1, 1] and found == {"done": 1}
    kept.save(*state(3))
    assert kept.load()[0]["x"].tolist() == [3, 3]
    assert len(list(tmp_path.iterdir())) == 2  # leftovers of both are removed


def test_the_same_step_can_be_saved_twice(tmp_path):
    kept = Checkpoint(tmp_path / "work")
    assert kept.load() is None
    for _ in range(2):
        kept.save(*state(5))
    assert kept.load()[1] == {"done": 5}
    kept.remove()
    assert kept.load() is None and not (tmp_path / "work").exists()
    kept.remove()  # without a state


def test_shared_and_transposed_tensors_are_kept(tmp_path):
    one = torch.arange(6.0).view(2, 3)
    Checkpoint(tmp_path).save({"a": one, "b": one, "turned": one.T}, {"done": 0})
    tensors, _ = Checkpoint(tmp_path).load()
    assert torch.equal(tensors["a"], one) and torch.equal(tensors["b"], one)
    assert torch.equal(tensors["turned"], one.T)


def test_a_prefix_matches_whole_words():
    packed = checkpoint.pack("ema", {"a": torch.ones(1)}) | checkpoint.pack("e", {"ema": 2})
    assert packed.keys() == {"ema.a", "e.ema"}
    assert checkpoint.unpack("e", packed) == {"ema": 2}
    assert checkpoint.unpack("ema", packed).keys() == {"a"}


def learnt(kind):
    layer = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    chosen = kind(
        layer.parameters(), lr=0.1, **({"momentum": 0.9} if kind is torch.optim.SGD else {})
    )
    layer(torch.ones(1, 2, 4, 4)).sum().backward()
    chosen.step()
    return layer, chosen


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_momenta_are_restored_in_the_layout_of_their_weights(tmp_path, kind):
    _, chosen = learnt(kind)
    Checkpoint(tmp_path).save(checkpoint.optimizer_tensors(chosen), {"done": 1})
    layer, other = learnt(kind)
    checkpoint.restore_optimizer(other, Checkpoint(tmp_path).load()[0])
    before, after = (each.state_dict()["state"] for each in (chosen, other))
    assert before.keys() == after.keys() == {0, 1}
    for place, entries in before.items():
        assert entries.keys() == after[place].keys()
        for name, value in entries.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(after[place][name])), name
            if name != "step":
                assert after[place][name].stride() == [*layer.parameters()][place].stride()


def test_an_optimiser_without_state():
    layer = nn.Linear(2, 2)
    chosen = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 2)).sum().backward()
    chosen.step()
    assert checkpoint.optimizer_tensors(chosen) == {}


class Model(nn.Module):
    def __init__(self, learns):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        for parameter in self.encoder[0].parameters():
            parameter.requires_grad = False
        for parameter in self.encoder[1].parameters():
            parameter.requires_grad = learns
        self.output = nn.Linear(2, 1)


def test_an_encoder_is_kept_only_if_a_part_of_it_learns():
    assert checkpoint.own_state(Model(False)).keys() == {"output.weight", "output.bias"}
    assert checkpoint.own_state(Model(True)).keys() == Model(True).state_dict().keys()


def test_the_next_random_numbers_are_restored():
    device = torch.device("cpu")
    before = checkpoint.random_state(device)
    expected = torch.rand(3)
    torch.rand(5)
    checkpoint.restore_random(before, device)
    assert torch.equal(torch.rand(3), expected)


def test_the_generator_of_a_gpu_is_restored_too(monkeypatch):
    device, state = torch.device("cuda:0"), [torch.ones(2)]
    monkeypatch.setattr(
        torch.cuda, "get_rng_state", lambda place: state[0] if place is device else 0
    )
    monkeypatch.setattr(
        torch.cuda, "set_rng_state", lambda value, place: state.append((value, place))
    )
    before = checkpoint.random_state(device)
    assert before.keys() == {"random", "random_device"}
    checkpoint.restore_random(before, device)
    assert state[1:] == [(state[0], device)]
