"""Attention bins: transformer block, bins, depth, their memory, and the head inside models."""

import pytest
import torch
from mmseg.registry import MODELS
from torch.autograd.graph import saved_tensors_hooks

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.layers import TransformerBlock
from mtl_plugins.models.task_heads.attention_bins_head import (
    bin_edges,
    growing_log_widths,
    midpoints,
)
from tests.batches import TASK_HEADS, batch, model, sample, step

VALUES = ("direct", "adabins")
BINS = dict(type="AttentionBinsHead", num_bins=6, channels=8, num_blocks=2)
CODEC = dict(type="ExpCodec", min_depth=0.5, max_depth=80.0)


def build(**kwargs):
    return MODELS.build({**BINS, "in_channels": 5, "codec": CODEC, **kwargs})


def spread(head):
    """Let the bins of an untrained head differ as a trained one's do."""
    torch.nn.init.normal_(head.values.number.weight)
    return head.eval()


class TestTransformerBlock:
    @pytest.mark.parametrize("temperature", [None, 0.7, 5.0])
    @pytest.mark.parametrize("num_positions", [0, 10])
    def test_attention_is_the_formula(self, temperature, num_positions):
        block = TransformerBlock(12, 3, num_positions, temperature).eval()
        if num_positions:
            torch.nn.init.normal_(block.positions)
        tokens = torch.randn(2, 10, 12)
        q, k, v = (tokens @ part.T for part in block.qkv.weight.chunk(3))
        q = q + (block.positions if num_positions else 0)
        mixed = []
        for head in range(3):
            width = slice(4 * head, 4 * head + 4)
            logits = q[..., width] @ k[..., width].transpose(1, 2)
            mixed.append((logits / (temperature or 4**0.5)).softmax(-1) @ v[..., width])
        assert torch.allclose(block.attend(tokens), torch.cat(mixed, -1), atol=1e-5)

    def test_residuals_pass_the_tokens_through(self):
        block = TransformerBlock(8, 2, 5)
        for last in (block.project, block.mlp[-1]):
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.zeros_(last.bias)
        tokens = torch.randn(3, 5, 8)
        assert torch.equal(block(tokens), tokens)

    def test_token_order_matters_only_with_positions(self):
        tokens, order = torch.randn(2, 5, 8), torch.randperm(5)
        for num_positions in (0, 5):
            block = TransformerBlock(8, 2, num_positions)
            if num_positions:
                torch.nn.init.normal_(block.positions)
            same = torch.allclose(block(tokens)[:, order], block(tokens[:, order]), atol=1e-5)
            assert same == (num_positions == 0)

    def test_dropout_is_for_training(self):
        block = TransformerBlock(8, 2, dropout=0.5)
        tokens = torch.randn(2, 5, 8)
        assert not torch.equal(block(tokens), block(tokens))
        block.eval()
        assert torch.equal(block(tokens), block(tokens))

    def test_arguments_are_checked(self):
        with pytest.raises(ConfigError, match="channels=8, num_heads=3"):
            TransformerBlock(8, 3)
        with pytest.raises(ConfigError, match="temperature=0"):
            TransformerBlock(8, 2, temperature=0)


class TestBins:
    def test_edges_grow_from_one_end_to_the_other_and_values_are_their_middles(self):
        edges = bin_edges(torch.randn(3, 20) * 3, 0.1, 80.0)
        assert torch.allclose(edges[:, 0], torch.tensor(0.1))
        assert torch.allclose(edges[:, -1], torch.tensor(80.0))
        assert (edges.diff() > 0).all()
        values = midpoints(edges)
        assert torch.allclose(values - edges[:, :-1], edges[:, 1:] - values, atol=1e-4)

    def test_two_bins_by_hand(self):
        # Widths 1/4 and 3/4 of 8 m, beginning at 2 m.
        edges = bin_edges(torch.tensor([1.0, 3.0]).log(), 2.0, 10.0)
        assert edges.tolist() == pytest.approx([2, 4, 10])
        assert midpoints(edges).tolist() == pytest.approx([3, 7])

    @pytest.mark.parametrize("num_bins", [2, 6, 64])
    @pytest.mark.parametrize("mean", [0.3, 0.5, 0.7])
    def test_log_widths_have_the_mean_asked_for(self, num_bins, mean):
        log_widths = growing_log_widths(num_bins, mean)
        found = midpoints(bin_edges(log_widths, 0.0, 1.0)).mean()
        assert found.item() == pytest.approx(mean, abs=1e-4)
        growth = log_widths.diff()
        assert torch.allclose(growth, growth[:1].expand_as(growth), atol=1e-4)


def test_two_bins_and_two_pixels_by_hand():
    """Latents (1, 0) and (0, 1) mean 2 m and 10 m; the queries are (0, log 3) and (log 7, 0)."""
    head = build(
        in_channels=2,
        num_bins=2,
        channels=2,
        num_blocks=0,
        codec=dict(type="LinearCodec", scale=4.0),
    )
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        head.embed.weight.copy_(torch.eye(2))
        head.queries.weight[:, :, 1, 1] = torch.tensor([[1.0, 7.0], [3.0, 1.0]]).log()
        head.values.number.weight.copy_(torch.tensor([[0.5, 2.5]]))
    features = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    depth, values, edges = head(features)
    assert values.tolist() == [[2.0, 10.0]] and edges is None
    shares = head.distribution(features)[0, :, 0]
    assert shares[:, 0].tolist() == pytest.approx([1 / 4, 3 / 4])
    assert shares[:, 1].tolist() == pytest.approx([7 / 8, 1 / 8])
    assert depth.flatten().tolist() == pytest.approx([(2 + 3 * 10) / 4, (7 * 2 + 10) / 8])


@pytest.mark.parametrize("values", VALUES)
class TestEveryKindOfValues:
    def test_depth_is_the_expected_value_of_the_distribution(self, values):
        head = spread(build(values=values, initial_depth=10.0))
        features = torch.randn(2, 5, 7, 9)
        depth, bins, edges = head(features)
        shares = head.distribution(features)
        assert shares.shape == (2, 6, 7, 9) and (shares >= 0).all()
        assert torch.allclose(shares.sum(1), torch.ones(2, 7, 9), atol=1e-5)
        assert torch.allclose(torch.einsum("nbij,nb->nij", shares, bins), depth[:, 0], rtol=1e-4)
        low, high = (bound[:, None, None, None] for bound in (bins.amin(1), bins.amax(1)))
        assert ((depth >= low * 0.9999) & (depth <= high * 1.0001)).all()
        assert depth.amin() >= 0.4999 and depth.amax() <= 80.01
        assert (edges is None) == (values == "direct")
        if edges is not None:
            assert torch.allclose(bins, midpoints(edges))

    def test_an_untrained_head_predicts_the_initial_depth(self, values):
        features = torch.rand(2, 5, 12, 16)
        depth = build(values=values, num_bins=64, initial_depth=12.0)(features).depth
        assert depth.mean().item() == pytest.approx(12, rel=0.1)

    @pytest.mark.parametrize("truth", ["some", "none"])
    def test_every_parameter_has_a_finite_gradient(self, values, truth):
        bins_loss = dict(type="BinsChamferLoss", loss_weight=0.1)
        head = build(values=values, bins_loss=bins_loss, initial_depth=10.0)
        samples = [sample(16, 20, depth=truth == "some")] * 2
        losses = head.batch_losses(head(torch.rand(2, 5, 4, 5)), samples, (16, 20))
        assert set(losses) == {"silog", "chamfer"}
        sum(losses.values()).backward()
        for name, parameter in head.named_parameters():
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.any() == (truth == "some"), name

    def test_float32_where_it_counts_under_autocast(self, values):
        head = spread(build(values=values, initial_depth=10.0))
        features = torch.randn(2, 5, 7, 9)
        with torch.autocast("cpu", torch.bfloat16):
            half = head(features.bfloat16())
            shares = head.distribution(features.bfloat16())
        assert half.depth.dtype == half.values.dtype == shares.dtype == torch.float32
        assert torch.allclose(shares.sum(1), torch.ones(2, 7, 9), atol=1e-5)
        exact = head(features.bfloat16().float())
        assert torch.allclose(half.depth, exact.depth, rtol=0.1)

    @pytest.mark.parametrize("arrangement", ["JointHead", "BranchedHead", "DistillationHead"])
    def test_trains_and_predicts_in_a_whole_model(self, values, arrangement, monkeypatch):
        bins = dict(BINS, values=values, codec=CODEC, bins_loss=dict(type="BinsChamferLoss"))
        monkeypatch.setitem(TASK_HEADS, "depth", bins)
        network = model(arrangement)
        data = batch((64, 64), (64, 96))
        logged = step(network, data)
        stages = ("", "_first") if arrangement == "DistillationHead" else ("",)
        expected = {f"depth/{name}{stage}" for name in ("silog", "chamfer") for stage in stages}
        assert {key for key in logged if key.startswith("depth/")} == expected
        assert all(torch.isfinite(value) for value in logged.values())
        assert all(torch.isfinite(p.grad).all() for p in network.decode_head.parameters())
        with torch.no_grad():
            for result, size in zip(
                network.eval().test_step(data), ((64, 64), (64, 96)), strict=True
            ):
                depth = result.pred_depth_map.data
                assert depth.shape == (1, *size) and depth.dtype == torch.float32
                assert depth.amin() >= 0.5 and depth.amax() <= 80


def test_the_order_of_the_bins_does_not_matter():
    head = spread(build(num_blocks=0, initial_depth=10.0))
    features, order = torch.randn(1, 5, 2, 3), torch.randperm(6)
    attention = head._attention
    depth, values, _ = head(features)

    def shuffled(features):
        queries, latents = attention(features)
        return queries, latents[:, order]

    head._attention = shuffled
    again = head(features)
    assert torch.allclose(again.values, values[:, order])
    assert not torch.allclose(again.values, values)
    assert torch.allclose(again.depth, depth, rtol=1e-5)


@pytest.mark.parametrize(
    ("num_bins", "grid", "found"),
    [
        (None, None, (8, 8)),
        (2, None, (1, 2)),
        (6, None, (2, 3)),
        (80, None, (8, 10)),
        (None, (1, 7), (1, 7)),
        (12, (2, 6), (2, 6)),
    ],
)
def test_bins_are_the_cells_of_a_grid(num_bins, grid, found):
    head = build(num_bins=num_bins, grid=grid)
    assert head.grid == found
    for size in ((3, 5), (16, 20)):
        depth, values, _ = head(torch.rand(2, 5, *size))
        assert depth.shape == (2, 1, *size) and values.shape == (2, found[0] * found[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(num_bins=7), r"1 x 7 cells.*grid=\(1, 7\)"),
        (dict(num_bins=1), "at least 2"),
        (dict(num_bins=-4), "at least 2"),
        (dict(num_bins=None, grid=(0, 4)), "at least 2"),
        (dict(grid=(2, 4)), r"num_bins=6, but grid=\(2, 4\) has 8"),
        (dict(values="uniform"), r"'uniform'; choose from \['direct', 'adabins'\]"),
        (dict(initial_depth=100.0), "initial_depth=100.0.*max_depth=80"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ConfigError, match=message):
        build(**arguments)


def test_raw_losses_compare_codec_values_and_decoding_clamps():
    codec = dict(type="LogNormalizedCodec", log_mean=2.0, log_std=0.5, max_depth=80.0)
    head = build(
        codec=codec, loss=[dict(type="MaskedL1Loss", space="raw"), dict(type="MaskedL2Loss")]
    )
    losses = head.losses_of(torch.full((1, 1, 1, 2), 3.0), torch.tensor([[[[6.0, 0.0]]]]))
    assert losses["l1"].item() == pytest.approx(torch.tensor(2.0).log().item() / 0.5, rel=1e-5)
    assert losses["l2"].item() == pytest.approx(9.0)
    assert head.decode(torch.tensor([-1.0, 3.0, 90.0])).tolist() == pytest.approx([0.1, 3.0, 80.0])


def test_saved_memory_is_linear_and_never_holds_the_distribution():
    def saved(num_bins, height, width):
        """Elements kept for backward, and the size of the largest tensors among them."""
        head = build(num_bins=num_bins)
        sizes = {}

        def pack(tensor):
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
            return tensor

        features = torch.rand(1, 5, height, width, requires_grad=True)
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            prediction = head(features)
        full = num_bins * height * width
        del prediction
        return sum(sizes.values()), sum(size >= full for size in sizes.values())

    base, copies = saved(64, 20, 30)
    assert copies == 0
    more_bins, copies = saved(128, 20, 30)
    assert copies == 0 and more_bins < 2.2 * base
    more_pixels, copies = saved(64, 40, 60)
    assert copies == 0 and more_pixels < 4.2 * base
