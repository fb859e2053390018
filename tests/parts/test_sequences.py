"""Sequences of labels: confidences, the end, the order, and the beam against all paths."""

import itertools
import math

import pytest
import torch

from labelgraph.parts import sequences
from labelgraph.parts.additive import AdditiveAttention

END = 3


def test_odds_are_those_of_the_softmax_and_exact_where_it_is_nearly_one():
    scores = torch.tensor([[0.3, -1.0, 2.0, 0.1], [60.0, 0.0, -5.0, 1.0]], dtype=torch.double)
    shares = scores.softmax(1)[0]
    torch.testing.assert_close(sequences.odds(scores)[0], shares.logit())
    others = math.log(math.exp(0) + math.exp(-5) + math.exp(1))
    assert sequences.odds(scores)[1, 0].item() == pytest.approx(60 - others, rel=1e-14)
    assert sequences.odds(scores)[1, 1].item() == pytest.approx(-60, rel=1e-14)


def test_steps_count_up_to_the_first_end():
    chosen = torch.tensor([[0, END, 1, END], [END, 0, 0, 0], [1, 1, 2, 0]])
    expected = [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]]
    assert sequences.until_end(chosen, END).int().tolist() == expected


def test_a_confidence_is_the_highest_until_the_end():
    scores = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(1))
    used = torch.tensor([[True, True, False, False], [True, False, False, False]])
    found = sequences.confidences(scores, used)
    shares = scores.softmax(2)[..., :END].logit()
    torch.testing.assert_close(found[0], torch.maximum(shares[0, 0], shares[0, 1]))
    torch.testing.assert_close(found[1], shares[1, 0])


def test_a_label_is_named_at_its_first_step():
    chosen = torch.tensor([[2, 0, 2, END], [END, 1, 1, 1]])
    used = sequences.until_end(chosen, END)
    assert sequences.named(chosen, used, 3).tolist() == [[2, 0, 1], [0, 0, 0]]


def test_labels_come_by_rank_and_then_end():
    rank = sequences.by_frequency(torch.diag(torch.tensor([5.0, 9.0, 5.0])))
    assert rank.tolist() == [1, 0, 2]
    shown = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 0]]).bool()
    expected = [[1, 0, 2, END], [0, 2, END, END], [END] * 4]
    assert sequences.ordered(shown, rank).tolist() == expected


def every_path(first, table, steps):
    """All paths without repetition that end, or have all steps, with their probabilities."""
    found = {}
    for length in range(steps + 1):
        for path in itertools.permutations(range(END), length):
            state, log = first, 0.0
            for last, symbol in itertools.pairwise([END + 1, *path]):
                scores, state = step(table, torch.tensor(last), state)
                log += scores.log_softmax(0)[symbol].item()
            if length < steps:
                scores, _ = step(table, torch.tensor([END + 1, *path][-1]), state)
                found[path] = log + scores.log_softmax(0)[END].item()
            else:
                found[path] = log
    return found


def step(table, symbols, state):
    state = torch.tanh(state + table[symbols])
    return state @ table[: END + 1].T, state


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_wide_beam_finds_the_most_probable_path(seed, steps):
    draw = torch.Generator().manual_seed(seed)
    table = 2 * torch.randn(END + 2, 4, generator=draw, dtype=torch.double)
    states = torch.randn(3, 4, generator=draw, dtype=torch.double)
    read = lambda symbols, state: step(table, symbols, state)  # noqa: E731
    best = sequences.beam(read, states, END, 20, steps)
    for image, first in enumerate(states):
        paths = every_path(first, table, steps)
        path = max(paths, key=paths.get)
        assert best.value[image].item() == pytest.approx(paths[path])
        place = [path.index(label) + 1 if label in path else 0 for label in range(END)]
        assert best.named[image].tolist() == place
        narrow = sequences.beam(read, states, END, 1, steps)
        assert narrow.value[image] <= best.value[image] + 1e-12


def test_a_narrow_beam_takes_the_best_symbol_each_time():
    """The most probable first label leads nowhere: a beam of one misses the best path."""
    log = torch.tensor([[0.5, 0.4, 0.05, 0.05], [0.3, 0.3, 0.3, 0.1], [0.02, 0.02, 0.01, 0.95]])

    def read(symbols, state):
        row = torch.where(symbols == 0, 1, torch.where(symbols == END + 1, 0, 2))
        return log.log()[row], state

    state = torch.zeros(1, 2)
    assert sequences.beam(read, state, END, 1, 2).named.tolist() == [[1, 2, 0]]
    wide = sequences.beam(read, state, END, 2, 2)
    assert wide.named.tolist() == [[0, 1, 0]]
    assert wide.value.exp().item() == pytest.approx(0.4 * 0.95)
    torch.testing.assert_close(wide.confidence.sigmoid(), torch.tensor([[0.5, 0.4, 0.05]]))


def test_additive_attention_is_a_mean_over_the_cells():
    part = AdditiveAttention(5, 4, 3, torch.tanh)
    cells, state = torch.rand(2, 6, 5), torch.rand(2, 4)
    found = part(cells, part.keys(cells), state)
    for image in range(2):
        energies = [
            part.energy(torch.tanh(part.cell(cell) + part.state(state[image])))
            for cell in cells[image]
        ]
        shares = torch.cat(energies).softmax(0)
        torch.testing.assert_close(found[image], shares @ cells[image])
