"""Convert checkpoint contents of NumPy and mmengine to plain values, which load without pickle."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

TAG = "__mtl_plugins__"
"""Key of a dictionary that represents an object; its value names the object's type."""

# `torch.load(weights_only=True)` reads exactly these types; a subclass would need pickle.
_PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Size, torch.dtype, torch.device)


def to_plain(value: Any, where: str = "checkpoint") -> Any:
    """Replace everything in a value that only pickle could read back.

    Arrays and mmengine's history buffers become tagged dictionaries of tensors, NumPy scalars
    become Python numbers, and subclasses of dict, list and str become their base class. A part in
    which nothing changes is returned itself, not copied.

    Args:
        value: a checkpoint, or any part of one.
        where: name of that part in errors.

    Raises:
        TypeError: a part holds an object that has no plain form.

    >>> to_plain({"best_score": np.float64(0.5)})
    {'best_score': 0.5}
    >>> from_plain(to_plain([np.arange(3)]))
    [array([0, 1, 2])]
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, torch.Tensor) or type(value) in _PLAIN:
        return value
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        return {
            TAG: "HistoryBuffer",
            "log": torch.from_numpy(log.copy()),
            "count": torch.from_numpy(count.copy()),
            "max_length": value.max_length,
        }
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return {TAG: "ndarray", "data": torch.from_numpy(value.copy())}
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return {TAG: "ndarray", "data": value.tolist(), "dtype": value.dtype.str}
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dict):
        items = {to_plain(k, where): to_plain(v, f"{where}[{k!r}]") for k, v in value.items()}
        if type(value) in (dict, OrderedDict) and _same(value.values(), items.values()):
            return value
        return OrderedDict(items) if isinstance(value, OrderedDict) else items
    if type(value) in (tuple, set) or isinstance(value, list):
        plain = [to_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
        kind = list if isinstance(value, list) else type(value)
        return value if type(value) is kind and _same(value, plain) else kind(plain)
    raise TypeError(
        f"{where} holds a {type(value).__module__}.{type(value).__qualname__}, expected tensors, "
        "arrays, numbers, strings and dicts, lists, tuples or sets of them, which load without "
        "running foreign code: store one of those, or for the message hub pass resumed=False."
    )


def from_plain(value: Any) -> Any:
    """Turn the tagged dictionaries in a value back into the objects they represent.

    Raises:
        ValueError: a tag is unknown, so a newer version wrote it.
    """
    if isinstance(value, dict):
        if TAG in value:
            return _restore(value)
        items = {key: from_plain(item) for key, item in value.items()}
        return value if _same(value.values(), items.values()) else type(value)(items)
    if type(value) in (list, tuple):
        found = [from_plain(item) for item in value]
        return value if _same(value, found) else type(value)(found)
    return value


def _restore(tagged: dict[str, Any]) -> np.ndarray | HistoryBuffer:
    # Resuming moves the whole checkpoint, these tensors included, to the training device.
    if tagged[TAG] == "ndarray":
        data = tagged["data"]
        if isinstance(data, torch.Tensor):
            return data.cpu().numpy()
        return np.array(data, dtype=tagged["dtype"])
    if tagged[TAG] == "HistoryBuffer":
        log, count = tagged["log"].cpu().numpy(), tagged["count"].cpu().numpy()
        return HistoryBuffer(log, count, tagged["max_length"])
    raise ValueError(
        f"checkpoint holds a value tagged {tagged[TAG]!r}, expected 'ndarray' or 'HistoryBuffer': "
        "it was written by a newer mtl_plugins, update to that one."
    )


def _same(old: Any, new: Any) -> bool:
    return all(a is b for a, b in zip(old, new, strict=True))
