"""Reading of MATLAB files."""

import io
from typing import Any

from ...errors import DataError
from .image_io import read_bytes


def read_mat(path: str, backend_args: dict | None = None) -> dict[str, Any]:
    """Return the variables of a MATLAB file (up to version 7.2) by name.

    Matrices are arrays, structures dicts, arrays of structures lists of dicts.

    Args:
        path: of the file.
        backend_args: storage of the file, see `mmengine.fileio`; default: disk.

    Raises:
        DataError: the file is missing, damaged, or of version 7.3, which is HDF5.
    """
    # Imported late: scipy.io loads a hundred modules.
    from scipy.io import loadmat

    data = read_bytes(path, backend_args)
    try:
        return loadmat(io.BytesIO(data), simplify_cells=True)
    except MemoryError:
        raise
    # scipy raises errors of many types for damaged files.
    except Exception as error:
        raise DataError(
            f"{path} is no readable .mat file: {error}. Unpack it again, or replace it."
        ) from error
