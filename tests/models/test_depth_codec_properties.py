"""Codecs of any configuration: monotone, inverse in their range, finite for every raw number."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmseg.registry import MODELS

from tests.properties import PROPERTY

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
def test_every_raw_number_is_a_depth_that_can_be_trained(codec, raw):
    raw = torch.tensor(sorted(raw), dtype=torch.float32, requires_grad=True)
    depth = codec.decode(raw)
    depth.sum().backward()
    # In float32.
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
def test_what_lies_outside_is_encoded_as_the_nearest_end(codec, depth):
    found = codec.decode(codec.encode(torch.tensor([depth]))).item()
    expected = min(max(depth, codec.min_depth), codec.max_depth)
    np.testing.assert_allclose(found, expected, rtol=2e-4)
