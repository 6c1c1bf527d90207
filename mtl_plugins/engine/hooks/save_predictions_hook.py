"""Write predictions as files that the data set can read as its truth."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from PIL import Image

from ...datasets import (
    DenseDataset,
    DepthFormat,
    LabelFormat,
    NormalFormat,
    PackedDataset,
    TargetFormat,
    leaf_of,
)
from ...errors import ConfigError, DataError
from ...targets import IGNORE_LABEL, PREDEFINED, Target
from ...utils import distinct_names, name_key


def _labels(target: Target) -> LabelFormat:
    return LabelFormat(target.num_classes or IGNORE_LABEL)


PLAIN: dict[str, Callable[[Target], TargetFormat | None]] = dict(
    classes=_labels,
    binary=_labels,
    scalar=lambda target: DepthFormat(scale=1 / 256) if target.distance else None,
    direction=lambda target: NormalFormat(),
    offset=lambda target: None,
)
"""Type -> format of predictions without a file of the truth; None: plain values as `.npy`."""


@HOOKS.register_module()
class SavePredictionsHook(Hook):
    """Write every prediction of a test as a file, in the layout of the data set.

    A prediction has the same path below `folder` as its truth below the data root, and the same
    encoding: class ids as the files' label values, depth as 16-bit centimetres, disparity, ...
    With `data_root` set to `folder`, the data set reads the predictions. Predictions of a second
    task that learns the same target lie below `<folder>/<task>` in the same way, and so do those of
    a target that is read from the same files as an earlier one (with other classes).

    Where there is no file of the truth, or its format cannot hold the prediction, it becomes
    `<target>/<image>.png` with class ids, 0 and 1, 16-bit distances in 1/256 m or 8-bit
    directions; numbers, offsets and values with nan become `<target>/<image>.npy`. Data that were
    packed keep only the ids of their labels, so these are written as plain ids. Of several data
    sets with different data roots, each has a folder of its own, `<folder>/0`, `<folder>/1`, ...
    Images that share a file of the truth have their predictions in `<target>/<image>`.

    Args:
        folder: folder for the files.

    Raises:
        ConfigError: the folder is that of the data.
        DataError: a sample lacks the path of its image, or two predictions would be one file.
    """

    priority = "LOW"

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._places = defaultdict[str, list[_Place]](list)
        self._written: dict[str, tuple[str, str]] = {}

    def before_test_epoch(self, runner: Runner) -> None:
        """Choose the names of all files."""
        dataset: Any = runner.test_loop.dataloader.dataset  # torch's has no length
        # A repeated data set has its samples several times.
        found = [*dict.fromkeys(leaf_of(dataset, index) for index in range(len(dataset)))]
        entries = [leaf.get_data_info(number) for leaf, number in found]
        roots = [*dict.fromkeys(_root(leaf) for leaf, _ in found)]
        # Images outside the data root are named from their deepest common folder.
        outside = [os.path.dirname(os.path.abspath(entry["img_path"])) for entry in entries]
        common = os.path.commonpath(outside)
        places = []
        images_of = defaultdict[tuple[str, str], set[str]](set)  # (folder, file of a truth)
        for (leaf, number), entry in zip(found, entries, strict=True):
            root, path = _root(leaf), entry["img_path"]
            several = len(roots) > 1
            folder = os.path.join(self.folder, str(roots.index(root))) if several else self.folder
            if os.path.realpath(folder) == os.path.realpath(root):
                raise ConfigError(
                    f"The predictions would overwrite the files of the data set in {root}. Save "
                    f"them into another folder than {self.folder}."
                )
            image = os.path.splitext(_below(path, root) or os.path.relpath(path, common))[0]
            places.append(_Place(leaf, number, folder, root, image, set()))
            for target in leaf.targets():
                if target.path in entry:
                    images_of[folder, entry[target.path]].add(path)
        wanted = {
            (place.folder, entry["img_path"]): f"{place.folder}/{place.image}"
            for place, entry in zip(places, entries, strict=True)
        }
        names = dict(zip(wanted, distinct_names([*wanted.values()]), strict=True))
        self._places.clear()
        self._written.clear()
        for place, entry in zip(places, entries, strict=True):
            folder, path = place.folder, entry["img_path"]
            own = place.dataset.targets()
            shared = {t.name for t in own if len(images_of[folder, entry.get(t.path, "")]) > 1}
            image = names[folder, path].removeprefix(f"{folder}/")
            self._places[path].append(place._replace(image=image, shared=shared))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Write the predictions of a batch."""
        for sample in outputs or ():
            path = sample.metainfo.get("img_path")
            if path not in self._places:
                raise DataError(
                    f"A sample says that its image is {path}, which is not in the data set: keep "
                    "img_path in the meta_keys of the pipeline's PackTargets."
                )
            for target in sample.metainfo.get("predicted", PREDEFINED.values()):
                if target.prediction in sample:
                    data = sample.get(target.prediction).data.cpu().numpy()
                    for place in self._places[path]:
                        self._write(place, target, data, path)

    def _write(self, place: _Place, target: Target, data: np.ndarray, image: str) -> None:
        entry = place.dataset.get_data_info(place.number)
        own = next((t for t in place.dataset.targets() if t.name == target.truth_name), target)
        values = (data[0] if len(data) == 1 else np.moveaxis(data, 0, 2)).astype(own.dtype)
        truth, name = entry.get(own.path), ""
        content: np.ndarray | None = None
        if truth:
            suffix = os.path.splitext(truth)[1]
            encoder = place.dataset.format_of(entry, own).for_file(truth)
            content = _encoded(encoder, own, values, suffix)
            name = "" if own.name in place.shared else _below(truth, place.root)
            name = name or os.path.join(own.name, place.image + suffix)
            # Several targets may be read from one file, which holds the first one's predictions.
            first = next(t for t in place.dataset.targets() if entry.get(t.path) == truth)
            if target.truth_of or first != own:
                name = os.path.join(target.name, name)
        if content is None:
            plain = PLAIN[own.type](own)
            content = None if plain is None else _encoded(plain, own, values, ".png")
            name = os.path.join(target.name, place.image + (".npy" if content is None else ".png"))
        path = os.path.join(place.folder, name)
        written = self._written.setdefault(name_key(path), (image, target.name))
        if written != (image, target.name):
            raise DataError(
                f"{path} would hold {target.name} of {image}, and holds {written[1]} of "
                f"{written[0]} already. Give the folders of the data set other names, or test its "
                "parts one by one."
            )
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _save(path, values if content is None else content)


class _Place(NamedTuple):
    """Where an image is in its data set, and where its predictions go.

    Args:
        dataset, number: of the image.
        folder: for the predictions of the data set.
        root: folder of the data.
        image: name of the image, without suffix; no other image in the folder has it.
        shared: targets whose file belongs to other images too.
    """

    dataset: DenseDataset
    number: int
    folder: str
    root: str
    image: str
    shared: set[str]


def _root(dataset: DenseDataset) -> str:
    """Return the folder of a data set's files, also after they were packed."""
    packed = isinstance(dataset, PackedDataset)
    root = dataset.index["source"].get("data_root") if packed else dataset.data_root
    return root or os.curdir


def _below(path: str, root: str) -> str:
    """Return a path relative to a root; empty if it is outside the root.

    >>> _below("data/rgb/val/a.png", "data"), _below("/other/a.png", "data")
    ('rgb/val/a.png', '')
    """
    relative = os.path.relpath(path, root)
    return "" if relative.startswith(os.pardir) else relative


def _save(path: str, values: np.ndarray) -> None:
    """Write an array as what the ending of its name says, in capital letters or not."""
    suffix = os.path.splitext(path)[1].lower()
    with open(path, "wb") as file:
        if suffix == ".npz":
            np.savez_compressed(file, values)
        elif suffix == ".npy":
            np.save(file, values)
        else:
            Image.fromarray(values).save(file, "PNG")


def _encoded(
    encoder: TargetFormat, target: Target, values: np.ndarray, suffix: str
) -> np.ndarray | None:
    """Return what a file has to hold so that its format decodes a prediction from it.

    None: files of this type, or the format, cannot hold it.
    """
    suffix, arrays = suffix.lower(), (".npy", ".npz")
    if suffix in arrays and _decodes_to_itself(encoder, target, values):
        return values
    if suffix not in (*arrays, ".png") or np.isnan(values).any():
        return None
    try:
        return encoder.encode(values)
    except NotImplementedError:
        return None


def _decodes_to_itself(encoder: TargetFormat, target: Target, values: np.ndarray) -> bool:
    """Return whether a format leaves values as they are, where it does not drop them."""
    try:
        decoded = encoder(values)
    except DataError:
        return False
    known = target.known(decoded)
    return bool(known.any()) and np.allclose(decoded[known], values[known], atol=1e-5)
