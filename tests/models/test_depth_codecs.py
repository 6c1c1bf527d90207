"""Codecs: inverses inside their range, bounded outside, known values."""

from __future__ import annotations

import math

import pytest
import torch
from mmseg.registry import MODELS

CODECS = [
    dict(type="LinearCodec", scale=20.0),
    dict(type="ExpCodec"),
    dict(type="LogNormalizedCodec", log_mean=2.5, log_std=0.8),
    dict(type="InverseCodec", scale=30.0),
]


@pytest.mark.parametrize("config", CODECS, ids=lambda config: config["type"])
class TestEveryCodec:
    def test_decoding_inverts_encoding(self, config):
        codec = MODELS.build(config)
        depth = torch.logspace(math.log10(0.2), math.log10(250), 50)
        assert torch.allclose(codec.decode(codec.encode(depth)), depth, rtol=1e-4)

    def test_any_raw_number_is_a_depth_in_range(self, config):
        codec = MODELS.build(config)
        raw = torch.tensor([-1e30, -5.0, 0.0, 5.0, 1e30], requires_grad=True)
        depth = codec.decode(raw)
        assert ((depth >= codec.min_depth) & (depth <= codec.max_depth)).all()
        depth.sum().backward()
        assert torch.isfinite(raw.grad).all()

    def test_predictions_outside_the_range_are_trained_back(self, config):
        codec = MODELS.build(config)
        for depth, side in ((codec.min_depth, -1), (codec.max_depth, 1)):
            edge = codec.encode(torch.tensor(depth))
            rising = -1 if config["type"] == "InverseCodec" else 1
            raw = (edge + side * rising * 0.5).requires_grad_()
            decoded = codec.decode(raw)
            decoded.backward()
            assert decoded.item() == pytest.approx(depth, rel=1e-5)
            assert raw.grad * rising > 0 and torch.isfinite(raw.grad)

    def test_zero_depth_encodes_to_something_finite(self, config):
        # Unmeasured pixels are encoded too, before the loss masks them.
        assert torch.isfinite(MODELS.build(config).encode(torch.zeros(1))).all()

    def test_monotone(self, config):
        codec = MODELS.build(config)
        raw = codec.encode(torch.linspace(0.5, 200, 100))
        steps = raw.diff()
        assert (steps > 0).all() or (steps < 0).all()

    def test_an_empty_range_is_refused(self, config):
        with pytest.raises(ValueError, match=r"min_depth=5\.0, max_depth=1\.0"):
            MODELS.build(dict(config, min_depth=5.0, max_depth=1.0))


def test_known_values():
    raw = torch.tensor([2.0])
    assert MODELS.build(CODECS[0]).decode(raw).item() == pytest.approx(40)
    assert MODELS.build(CODECS[1]).decode(raw).item() == pytest.approx(math.e**2, rel=1e-6)
    assert MODELS.build(CODECS[2]).decode(raw).item() == pytest.approx(math.exp(4.1), rel=1e-6)
    assert MODELS.build(CODECS[3]).decode(raw).item() == pytest.approx(15)
    assert MODELS.build(CODECS[1]).decode(torch.tensor([50.0])).item() == 300


def test_log_normalisation_is_standard_normal():
    log_depth = torch.randn(20000, dtype=torch.float64) * 0.6 + 2.0
    codec = MODELS.build(
        dict(type="LogNormalizedCodec", log_mean=2.0, log_std=0.6, max_depth=1e4, min_depth=1e-4)
    )
    raw = codec.encode(log_depth.exp())
    assert raw.mean().item() == pytest.approx(0, abs=0.03)
    assert raw.std().item() == pytest.approx(1, abs=0.03)
