from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mtl_plugins.checkpoints import from_plain, to_plain


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3)[:, ::-2],
        np.array(3, dtype=np.uint8),
        np.zeros((0, 2), dtype=np.float16),
        np.array([True, False]),
        np.array([1 + 2j]),
        np.array(["road", "sky"]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_come_back_equal(array, tmp_path):
    torch.save(to_plain({"nested": [(array,)]}), tmp_path / "a.pth")
    back = from_plain(torch.load(tmp_path / "a.pth", weights_only=True))["nested"][0][0]
    assert back.dtype == array.dtype and back.shape == array.shape
    assert np.array_equal(back, array)


def test_history_buffers_come_back_usable():
    buffer = HistoryBuffer([0.1, 0.2], [1, 3], max_length=2)
    back = from_plain(to_plain(buffer))
    back.update(0.4)
    assert buffer.data[0].tolist() == [0.1, 0.2], "the copy must not write through"
    assert back.data[0].tolist() == [0.2, 0.4] and back.data[1].tolist() == [3, 1]


def test_what_is_plain_already_is_not_copied():
    weights = OrderedDict(w=torch.ones(1))
    weights._metadata = {"": {"version": 2}}
    assert to_plain(weights) is weights and from_plain(weights) is weights


def test_subclasses_become_their_base():
    class Name(str):
        pass

    plain = to_plain({np.int64(3): Name("x")})
    assert plain == {3: "x"} and type(plain[3]) is str and {type(key) for key in plain} == {int}
