"""The mean over bins in pieces: the formula, its gradients, its memory."""

import sys

import pytest
import torch

from mtl_plugins.costs import LiveMemory
from mtl_plugins.models.layers import attended_mean

MODULE = sys.modules["mtl_plugins.models.layers.attention"]


def written_out(queries, latents, values):
    similarity = torch.einsum("npc,nbc->npb", queries, latents)
    return torch.einsum("npb,nb->np", similarity.softmax(2), values)


def inputs(pixels=17, bins=5, dtype=torch.double):
    shapes = ((2, pixels, 3), (2, bins, 3), (2, bins))
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("piece", [1, 30, 10**6])
def test_value_and_gradients_do_not_depend_on_the_pieces(monkeypatch, piece):
    monkeypatch.setitem(MODULE.PIECE, "cpu", piece)
    given = inputs()
    torch.testing.assert_close(attended_mean(*given), written_out(*given))
    assert torch.autograd.gradcheck(attended_mean, given)


def test_tracing_gives_the_same_result():
    given = inputs(dtype=torch.float32)
    traced = torch.compile(attended_mean, backend="eager", fullgraph=True)
    torch.testing.assert_close(traced(*given), attended_mean(*given))


def test_memory_does_not_hold_bins_times_pixels(monkeypatch):
    monkeypatch.setitem(MODULE.PIECE, "cpu", 2 * 64 * 10)

    def peak(function):
        given = inputs(2000, 64, torch.float32)
        with LiveMemory(given) as memory:
            before = memory.now
            function(*given).sum().backward()
        return memory.peak - before

    copy = 4 * 2 * 64 * 2000
    gradients = 4 * 2 * (2000 * 3 + 64 * 3 + 64 + 2000)
    assert peak(attended_mean) < 2 * gradients < copy / 4
    assert peak(written_out) > 2 * copy
