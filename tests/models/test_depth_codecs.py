"""Depth codecs: monotone, inverse in their range, bounded outside; values computed by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from tests.properties import PROPERTY

CODECS = [
    dict(type="LinearCodec", scale=20.0),
    dict(type="ExpCodec"),
    dict(type="LogNormalizedCodec", log_mean=2.5, log_std=0.8),
    dict(type="InverseCodec", scale=30.0),
]
SCALES = st.floats(0.01, 1000.0)
LARGEST = float(np.finfo(np.float32).max)
NUMBERS = st.floats(-LARGEST, LARGEST) | st.floats(-50, 50) | st.sampled_from([-LARGEST, LARGEST])
RAW = st.lists(NUMBERS, min_size=2, max_size=20)


@st.composite
def codecs(draw):
    near = draw(st.floats(1e-3, 10.0))
    limits = dict(min_depth=near, max_depth=near * draw(st.floats(2.0, 1e4)))
    return MODELS.build(
        dict(
            draw(
                st.one_of(
                    st.builds(lambda s: dict(type="LinearCodec", scale=s), SCALES),
                    st.just(dict(type="ExpCodec")),
                    st.builds(
                        lambda mean, std: dict(
                            type="LogNormalizedCodec", log_mean=mean, log_std=std
                        ),
                        st.floats(-3, 6), st.floats(0.05, 3),
                    ),
                    st.builds(lambda s: dict(type="InverseCodec", scale=s), SCALES),
                )
            ),
            **limits,
        )
    )  # fmt: skip


def direction(codec):
    return -1 if type(codec).__name__ == "InverseCodec" else 1


@PROPERTY
@given(codecs(), RAW)
def test_every_raw_number_decodes_into_the_range_with_a_useful_gradient(codec, raw):
    raw = torch.tensor(sorted(raw), dtype=torch.float32, requires_grad=True)
    depth = codec.decode(raw)
    depth.sum().backward()
    # The range's ends are rounded to float32.
    assert depth.min() >= codec.min_depth * (1 - 1e-6)
    assert depth.max() <= codec.max_depth * (1 + 1e-6)
    assert (depth.diff() * direction(codec) >= 0).all()
    assert torch.isfinite(raw.grad).all() and (raw.grad * direction(codec) > 0).all()


@PROPERTY
@given(codecs(), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_depths_in_range_come_back_and_keep_their_order(codec, shares):
    span = np.log([codec.min_depth, codec.max_depth])
    depth = torch.tensor(np.exp(span[0] + np.sort(shares) * (span[1] - span[0]))).float()
    depth = depth.clamp(codec.min_depth, codec.max_depth)
    raw = codec.encode(depth)
    assert torch.isfinite(raw).all() and (raw.diff() * direction(codec) >= 0).all()
    assert torch.allclose(codec.decode(raw), depth, rtol=2e-4, atol=0)


@PROPERTY
@given(codecs(), st.floats(0, 1e30))
def test_depths_outside_the_range_are_clamped(codec, depth):
    found = codec.decode(codec.encode(torch.tensor([depth]))).item()
    expected = min(max(depth, codec.min_depth), codec.max_depth)
    np.testing.assert_allclose(found, expected, rtol=2e-4)


@pytest.mark.parametrize("config", CODECS, ids=lambda config: config["type"])
def test_an_empty_range_is_refused(config):
    with pytest.raises(ConfigError, match=r"min_depth=5\.0, max_depth=1\.0"):
        MODELS.build(dict(config, min_depth=5.0, max_depth=1.0))


def test_known_values():
    raw = torch.tensor([2.0])
    assert MODELS.build(CODECS[0]).decode(raw).item() == pytest.approx(40)
    assert MODELS.build(CODECS[1]).decode(raw).item() == pytest.approx(math.e**2, rel=1e-6)
    assert MODELS.build(CODECS[2]).decode(raw).item() == pytest.approx(math.exp(4.1), rel=1e-6)
    assert MODELS.build(CODECS[3]).decode(raw).item() == pytest.approx(15)
    assert MODELS.build(CODECS[1]).decode(torch.tensor([50.0])).item() == 300


def test_log_normalised_raw_values_have_mean_0_and_deviation_1():
    log_depth = torch.randn(20000, dtype=torch.float64) * 0.6 + 2.0
    codec = MODELS.build(
        dict(type="LogNormalizedCodec", log_mean=2.0, log_std=0.6, max_depth=1e4, min_depth=1e-4)
    )
    raw = codec.encode(log_depth.exp())
    assert raw.mean().item() == pytest.approx(0, abs=0.03)
    assert raw.std().item() == pytest.approx(1, abs=0.03)
