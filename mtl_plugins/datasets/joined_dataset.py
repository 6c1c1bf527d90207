"""Data sets that are made of others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Any

from mmengine.dataset import ClassBalancedDataset as MMEngineClassBalancedDataset
from mmengine.dataset import ConcatDataset as MMEngineConcatDataset
from mmengine.dist import all_gather_object, get_dist_info
from mmengine.logging import print_log
from mmseg.datasets import MultiImageMixDataset as MMSegMultiImageMixDataset
from mmseg.registry import DATASETS

from ..errors import ConfigError, DataError
from ..targets import SEMSEG, Target, targets_in
from ..utils import did_you_mean, track, warn
from .dense_dataset import DenseDataset, leaf_of
from .sampling import SampleIndex

DESCRIBED = ("targets", "classes", "palette", "depth_unit")
"""What parts may describe differently for mmengine, because it is compared target by target."""

ONE = dict(
    image_range="Give each part the same; images of 8 bits are read as they are.",
    image_channels="Give each part the same channels (image_channels, extra_images); None is 3.",
)
"""Keys of metainfo that all parts share, and what to do where they do not."""


@DATASETS.register_module()
class ConcatDataset(MMEngineConcatDataset):
    """Join data sets as mmengine does, which may have different targets.

    mmengine requires equal metainfo. Here `metainfo["targets"]` has the targets of all parts; a
    sample has those of its own part, and trains the tasks that it has.

    Args:
        datasets: configs of the data sets, or data sets.
        kwargs: as in mmengine (lazy_init, ignore_keys).

    Raises:
        ConfigError: parts have different targets of one name, or a different `image_range` or
            number of channels.
    """

    def __init__(self, datasets: Sequence[Any], **kwargs: Any) -> None:
        ignored = kwargs.pop("ignore_keys", None) or []
        names = [ignored] if isinstance(ignored, str) else [*ignored]
        super().__init__(datasets, ignore_keys=[*names, *DESCRIBED, *ONE], **kwargs)
        for key, remedy in ONE.items():
            values = [part.metainfo.get(key) for part in self.datasets]
            if len({*values}) > 1:
                raise ConfigError(
                    f"ConcatDataset: its parts have {key}={values}, but prediction needs one for "
                    f"all. {remedy}"
                )
        found: dict[str, dict[str, Any]] = {}
        for number, part in enumerate(self.datasets):
            for name, parameters in _targets_of(part).items():
                if found.setdefault(name, parameters) != parameters:
                    raise ConfigError(
                        f"ConcatDataset: part {number} has the target {name!r} with {parameters}, "
                        f"an earlier part with {found[name]}. Make them equal, or give them "
                        "different names."
                    )
        if any("targets" in part.metainfo for part in self.datasets):
            self._metainfo["targets"] = found
            semseg = targets_in(self._metainfo).get(SEMSEG.name)
            if semseg is not None:
                palette = [list(color) for color in semseg.palette]
                self._metainfo.update(classes=semseg.classes, palette=palette)


def _targets_of(part: Any) -> dict[str, dict[str, Any]]:
    """Return the parameters of the targets of a data set; one of mmseg's own has classes alone."""
    meta = part.metainfo
    if "targets" in meta:
        return meta["targets"]
    return {SEMSEG.name: targets_in(meta)[SEMSEG.name].to_dict()}


@DATASETS.register_module()
class ClassBalancedDataset(MMEngineClassBalancedDataset):
    r"""Repeat the samples with rare classes, the same ones in every epoch.

    A class in the share $f$ of the labelled samples, below the threshold $t$, has the factor
    $\sqrt{t / f}$. A sample occurs as often as the largest factor of its classes, rounded up. The
    sampler decides about the order, so that it is a function of the seed. An index keeps the key of
    its randomness (see `SampleIndex`), so that a sample is augmented differently each time.

    The labels of all samples are read first, by each process a part. Samples without the target,
    and those that cannot be read and may be skipped, occur once.

    Source: Gupta et al., *LVIS*, 2019, as in mmengine.

    Args:
        dataset: config of a data set, or of several joined or repeated ones, or the data set.
        oversample_thr: share of the samples below which a class is rare, in (0, 1].
        target: name of the classes or of the mask that are balanced.
        lazy_init: as in mmengine.

    Raises:
        ConfigError: the data have no such target, or it has no classes; or `oversample_thr` is
            outside its range.
    """

    usual_target = SEMSEG.name

    def __init__(
        self,
        dataset: Any,
        oversample_thr: float,
        lazy_init: bool = False,
        target: str = usual_target,
    ) -> None:
        if not 0 < oversample_thr <= 1:
            raise ConfigError(
                f"ClassBalancedDataset: oversample_thr={oversample_thr}; expected a share of the "
                "samples, above 0 and at most 1."
            )
        super().__init__(dataset, oversample_thr, lazy_init=True)
        self.check_target(target, targets_in(self.dataset.metainfo))
        self.target = target
        if not lazy_init:
            self.full_init()

    @staticmethod
    def check_target(name: str, targets: Mapping[str, Target]) -> None:
        """Raise a `ConfigError` unless some targets have classes or a mask of this name."""
        classes = [each.name for each in targets.values() if each.integer]
        if name in classes:
            return
        found = f"is of the type {targets[name].type!r}" if name in targets else "is not loaded"
        remedy = did_you_mean(name, classes) if classes else "It has none: leave the wrapper out."
        raise ConfigError(
            f"ClassBalancedDataset counts the classes of a target of type 'classes' or 'binary', "
            f"but target={name!r} {found} by the data set. {remedy}"
        )

    def _get_ori_dataset_idx(self, idx: int) -> int:
        found = super()._get_ori_dataset_idx(idx)
        return SampleIndex(found, idx.key) if isinstance(idx, SampleIndex) else found

    def _get_repeat_factors(self, dataset: Any, repeat_thr: float) -> list[float]:
        """Return how often each sample occurs, before it is rounded up."""
        found = self._classes()
        labelled = [ids for ids in found if ids is not None]
        counts = Counter(each for ids in labelled for each in ids)
        shares = {each: count / len(labelled) for each, count in counts.items()}
        factors = {each: max(1.0, sqrt(repeat_thr / share)) for each, share in shares.items()}
        repeats = [max((factors[each] for each in ids or ()), default=1.0) for ids in found]
        if max(factors.values(), default=1.0) == 1:
            warn(
                f"ClassBalancedDataset repeats nothing: no class of {self.target!r} is in less "
                f"than {repeat_thr:.0%} of the samples. Where a class has few pixels in many "
                "samples, its weight in the loss acts, see docs/tutorials/rare_classes.md."
            )
        else:
            text = f"{len(repeats)} samples become {sum(map(ceil, repeats))} in an epoch"
            print_log(f"ClassBalancedDataset: {text}.", logger="current")
        return repeats

    def _classes(self) -> list[list[int] | None]:
        """Return the ids in the labels of each sample; None for one without the target."""
        places = [leaf_of(self.dataset, index) for index in range(len(self.dataset))]
        unique = [*dict.fromkeys(places)]
        rank, world = get_dist_info()
        own, problem = [], ""
        try:
            for leaf, index in track(unique[rank::world], f"reading classes of {self.target}"):
                own.append(self._classes_of(leaf, index))
        except DataError as error:
            problem = str(error)
        parts = all_gather_object((own, problem))
        for _, problem in parts:
            if problem:
                raise DataError(problem)
        known = {place: parts[i % world][0][i // world] for i, place in enumerate(unique)}
        return [known[place] for place in places]

    def _classes_of(self, leaf: Any, index: int) -> list[int] | None:
        if not isinstance(leaf, DenseDataset):
            return leaf.get_cat_ids(index)
        if self.target not in [each.name for each in leaf.targets()]:
            return None
        try:
            return leaf.get_cat_ids(index, self.target)
        except DataError:
            if leaf.test_mode or leaf.on_bad_sample == "raise":
                raise
            return []


@DATASETS.register_module(force=True)
class MultiImageMixDataset(MMSegMultiImageMixDataset):
    """Mix the images of one of mmseg's own data sets; refuse those of this package.

    Its transforms are not checked against the targets, and what it draws depends on the worker.

    Raises:
        ConfigError: the data set is one of this package.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.dataset
        while not isinstance(inner, DenseDataset) and hasattr(inner, "dataset"):
            inner = inner.dataset
        if isinstance(inner, DenseDataset):
            raise ConfigError(
                f"MultiImageMixDataset does not check its transforms against the targets of "
                f"{type(inner).__name__}, and mixes outside of each sample's seed. Put its "
                "transforms into the pipeline of the data set, with MosaicTargets for mosaics."
            )
