"""MATLAB files: everything that SciPy writes is read as it was; what is not read is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import savemat

from mtl_plugins.datasets.files import read_mat
from mtl_plugins.errors import DataError
from tests.datasets.layouts import structures
from tests.properties import PROPERTY

KINDS = [f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)] + ["f4", "f8"]
MATRICES = st.sampled_from(KINDS).flatmap(
    lambda kind: arrays(kind, st.tuples(*[st.integers(1, 7)] * 2))
)


@PROPERTY
@given(MATRICES, st.booleans())
def test_matrices_of_any_type(tmp_path_factory, array, compressed):
    path = str(tmp_path_factory.getbasetemp() / "any.mat")
    savemat(path, dict(a=array, name="text", last=array[:1]), do_compression=compressed)
    found = read_mat(path)
    assert found["a"].dtype == array.dtype and found["name"] == "text"
    assert np.array_equal(found["a"], array, equal_nan=array.dtype.kind == "f")
    assert np.array_equal(found["last"], array[:1], equal_nan=array.dtype.kind == "f")


def test_structures_cells_and_empty_matrices(tmp_path):
    path = str(tmp_path / "a.mat")
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = "wall", np.array([[1.5]])
    inner = structures(("name", "mask"), [("a", np.eye(2, dtype=bool)), ("b", np.zeros((0, 0)))])
    savemat(path, dict(cell=cell, anno=dict(imname="x", objects=inner)))
    found = read_mat(path)
    assert found["cell"][0] == "wall" and found["cell"][1].tolist() == [[1.5]]
    (anno,) = found["anno"]
    assert anno["imname"] == "x" and [each["name"] for each in anno["objects"]] == ["a", "b"]
    assert anno["objects"][0]["mask"].tolist() == [[1, 0], [0, 1]]
    assert [*anno["objects"][1]["mask"]] == []


def test_what_is_not_read_is_named(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, dict(a=np.eye(2)), format="4")
    with pytest.raises(DataError, match=r"a\.mat .*not of the versions 5 to 7 \(7\.3 is HDF5\)"):
        read_mat(str(path))
    savemat(path, dict(a=np.eye(2)))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"a\.mat .*promises \d+ bytes, and \d+ follow"):
        read_mat(str(path))
    path.unlink()
    with pytest.raises(DataError, match=r"a\.mat does not exist"):
        read_mat(str(path))
