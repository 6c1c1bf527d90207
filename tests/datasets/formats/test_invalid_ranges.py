"""Raw values without truth as ranges, and depths out of reach, for every format of numbers."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.datasets import DepthFormat, MultiTaskDataset, ValueFormat
from mtl_plugins.errors import ConfigError, DataError
from tests.properties import PROPERTY

SPANS = st.lists(
    st.tuples(st.integers(0, 65535), st.integers(0, 400)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=4,
)
NUMBERS = st.lists(st.integers(0, 65535), max_size=3)
FORMATS = {
    "depth": DepthFormat(scale=0.01),
    "disparity": DepthFormat(scale=1 / 4096, offset=-1 / 4096, inverse=True),
    "digits": DepthFormat(scale=0.001, digits=(1, 256, 65536)),
    "value": ValueFormat(scale=0.5, offset=-3),
}


def stored(raw, decode):
    """Put raw values into the channels of a file, H,W or H,W,C."""
    digits = getattr(decode, "digits", (1,))
    if len(digits) == 1:
        return raw.astype(np.uint16)[None]
    return np.stack([raw // digit % 256 for digit in digits], -1).astype(np.uint8)[None]


@PROPERTY
@given(st.sampled_from([*FORMATS.values()]), SPANS, NUMBERS, st.data())
def test_a_range_is_all_of_its_values(decode, spans, numbers, data):
    listed = {*numbers, *(v for a, b in spans for v in range(a, b + 1))}
    near = [v for a, b in spans for v in (a - 1, a, b, b + 1)] + [0, 65535, *numbers]
    raw = np.array(data.draw(st.lists(st.sampled_from(near), min_size=1, max_size=20)))
    raw = raw.clip(0, 65535)
    file = stored(raw, decode)
    ranges = replace(decode, invalid=(*numbers, *spans))
    assert np.array_equal(
        ranges(file), replace(decode, invalid=tuple(listed))(file), equal_nan=True
    )
    # A config and packed data store the arguments as JSON.
    arguments = {k: v for k, v in asdict(ranges).items() if k != "exact"}
    again = json.loads(json.dumps({k: v for k, v in arguments.items() if k in ("invalid",)}))
    assert replace(decode, **again) == ranges and hash(replace(decode, **again)) == hash(ranges)


@PROPERTY
@given(
    st.sampled_from(["depth", "disparity", "digits"]),
    SPANS,
    st.tuples(st.floats(0, 20), st.floats(25, 500)),
    st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=20).map(sorted),
)
def test_what_is_encoded_is_never_without_truth(name, spans, reach, metres):
    decode = replace(FORMATS[name], invalid=(0, *spans), min_depth=reach[0], max_depth=reach[1])
    found = decode(decode.encode(np.array([metres], np.float32)))
    assert (found > 0).all() and (found >= reach[0] * (1 - 1e-6)).all()
    assert (found <= reach[1] * (1 + 1e-6)).all() and (np.diff(found) >= 0).all()


@PROPERTY
@given(SPANS, st.lists(st.floats(-50, 4e4), min_size=1, max_size=20))
def test_an_encoded_value_is_never_without_truth(spans, values):
    decode = ValueFormat(scale=0.5, offset=-3, invalid=(0, *spans), low=-2.0, high=3e4)
    found = decode(decode.encode(np.array([values], np.float32)))
    assert np.isfinite(found).all() and found.min() >= -2 and found.max() <= 3e4


def test_ranges_by_hand():
    raw = np.array([[0, 65529, 65530, 65535]], np.uint16)
    decode = DepthFormat(scale=0.01, invalid=(0, (65530, 65535)))
    assert decode(raw)[0].tolist() == [0, pytest.approx(655.29), 0, 0]
    assert decode.encode(np.array([[655.34]])).tolist() == [[65529]]
    # Matchers write -16 and the like where they found nothing.
    found = DepthFormat(inverse=True, invalid=((-np.inf, 0),))(np.array([[-16.0, 0.0, 0.5]]))
    assert found.tolist() == [[0, 0, 2]]
    assert np.isnan(ValueFormat(invalid=((-9999, -9990),))(np.array([[-9998.5]]))).all()


@pytest.mark.parametrize("inverse", [False, True])
def test_what_is_beyond_the_depths_need_not_be_listed(inverse):
    raw = np.array([[-1.0, 2.0, np.inf, -np.inf]], np.float32)
    decode = DepthFormat(inverse=inverse, min_depth=0.1, max_depth=80)
    assert decode(raw).tolist() == [[0, 0.5 if inverse else 2, 0, 0]]
    one_sided = replace(decode, min_depth=0) if inverse else replace(decode, max_depth=np.inf)
    with pytest.raises(DataError, match=r"has 1 depth values .* such as inf"):
        one_sided(raw, "a.npy")
    with pytest.raises(DataError, match="such as nan"):
        decode(np.array([[np.nan, 1.0]]), "a.npy")


@pytest.mark.parametrize(
    "invalid", ["0", None, [[5]], [[7, 3]], [[1, 2, 3]], ["a"], [["a", "b"]], [None]]
)
@pytest.mark.parametrize("kind", [DepthFormat, ValueFormat])
def test_other_entries_are_refused(kind, invalid):
    with pytest.raises(DataError, match=r"expected raw values and ranges \(smallest, largest\)"):
        kind(invalid=invalid)


def test_a_range_of_a_target_replaces_the_reach_of_a_known_data_set(tmp_path):
    own = dict(depth_format=dict(scale=0.01, max_depth=655.0), lazy_init=True)
    prefix = dict(img_path="a", depth_map_path="b")
    data = MultiTaskDataset(
        data_prefix=prefix, targets=dict(depth=dict(range=(1, 900))), pipeline=[], **own
    )
    assert data.formats["depth"].max_depth == 900 and data.formats["depth"].scale == 0.01
    with pytest.raises(ConfigError, match="'max_depth', which follows from"):
        MultiTaskDataset(
            data_prefix=prefix, targets=dict(depth=dict(range=(1, 9), max_depth=8)), pipeline=[]
        )
