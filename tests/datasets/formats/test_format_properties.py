"""Encoding and decoding are inverse for any scale, digits and classes."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.datasets import DepthFormat, LabelFormat, NormalFormat, target_breach
from mtl_plugins.targets import DEPTH, NORMALS, SEMSEG
from tests.properties import PROPERTY

SCALES = st.floats(1e-4, 10.0)
DIGITS = st.sampled_from([(1,), (1, 256), (256, 1), (1, 256, 65536), (65536, 256, 1)])
INVALID = st.sampled_from([(0,), (), (0, 1), (0, 65535), (7, 3)])


@st.composite
def depth_formats(draw):
    """Draw a format, raw values, and which of them mean a depth in it."""
    digits = draw(DIGITS)
    largest = 65535 if len(digits) == 1 else 256 ** len(digits) - 1
    scale = draw(SCALES)
    # Cityscapes' disparity: one raw step more than nothing.
    offset = scale * draw(st.sampled_from([0, -1, 3]))
    decode = DepthFormat(scale, offset, draw(st.booleans()), invalid=draw(INVALID), digits=digits)
    raw = np.array(draw(st.lists(st.integers(0, largest), min_size=1, max_size=20)))
    means_depth = (raw * scale + offset > 0) & ~np.isin(raw, decode.invalid)
    return decode, raw, means_depth


def stored(raw, digits):
    """Spread raw values over the channels of a file."""
    if len(digits) == 1:
        return raw.astype(np.uint16)[None]
    channels = [raw // digit % 256 for digit in digits]
    return np.stack(channels, -1).astype(np.uint8)[None]


@PROPERTY
@given(depth_formats())
def test_decoded_depth_is_encoded_as_the_original_file(case):
    decode, raw, means_depth = case
    file = stored(raw, decode.digits)
    depth = decode(file)
    assert target_breach(DEPTH, depth) is None
    assert np.array_equal(depth[0] > 0, means_depth)
    if means_depth.any():
        # float32 cannot distinguish larger raw values.
        exact = raw < 1 << 20
        again = decode.encode(depth[:, means_depth & exact])
        assert np.array_equal(again, file[:, means_depth & exact])


@PROPERTY
@given(
    depth_formats(),
    st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=20).map(sorted),
)
def test_depth_is_encoded_as_the_nearest_raw_value(case, metres):
    decode, _, _ = case
    depth = np.array([metres], np.float32)
    found = decode(decode.encode(depth))
    assert target_breach(DEPTH, found) is None
    assert (found > 0).all(), "a depth never becomes none"
    assert (np.diff(found[0]) >= 0).all(), "farther stays farther"
    value, code = (1 / d.astype(float) if decode.inverse else d.astype(float)
                   for d in (depth, found))  # fmt: skip
    digits = decode.digits
    largest = 65535 if len(digits) == 1 else 256 ** len(digits) - 1
    ends = np.sort(np.array([5, largest - 1]) * decode.scale + decode.offset)
    inside = (value > ends[0] + 4 * decode.scale) & (value < ends[1])
    gap = np.abs(value - code)
    assert (gap <= 0.5 * decode.scale + 1e-6 * value)[inside].all()


@st.composite
def label_formats(draw):
    """Draw a format of mapped values or colours, and its map."""
    number = draw(st.integers(1, 6))
    keys = draw(
        st.sampled_from(
            [st.integers(0, 255), st.integers(0, 65535), st.tuples(*[st.integers(0, 255)] * 3)]
        )
    )
    raw = draw(st.lists(keys, min_size=number, max_size=number + 4, unique=True))
    ids = [*range(number), *[255] * (len(raw) - number)]
    label_map = dict(zip(raw, draw(st.permutations(ids)), strict=True))
    return LabelFormat(number, label_map), label_map


@PROPERTY
@given(label_formats(), st.data())
def test_encoded_classes_are_decoded_again(case, data):
    decode, label_map = case
    known = sorted(set(label_map.values()))
    ids = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=20))
    labels = np.array([ids], np.uint8)
    raw = decode.encode(labels)
    assert np.array_equal(decode(raw), labels)
    classes = tuple(str(i) for i in known if i != 255)
    assert target_breach(replace(SEMSEG, classes=classes), decode(raw)) is None
    keys = [tuple(v) if decode.channels == 3 else int(v) for v in raw[0].tolist()]
    assert [label_map[key] for key in keys] == ids


@PROPERTY
@given(st.integers(0, 9999), st.integers(1, 30))
def test_encoded_normals_are_decoded_within_one_step(seed, count):
    random = np.random.default_rng(seed)
    normals = random.normal(size=(1, count, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    normals[:, ::3] = 0
    decode = NormalFormat(signs=tuple(random.choice([1, -1], 3).tolist()))
    decoded = decode(decode.encode(normals))
    assert target_breach(NORMALS, decoded) is None
    assert np.array_equal((decoded != 0).any(-1), (normals != 0).any(-1))
    assert np.abs(decoded - normals).max() < 0.01
