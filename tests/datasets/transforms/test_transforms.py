"""A checkerboard passes every transform: the image and targets of every type stay aligned."""

import os
import re

import numpy as np
import pytest
from mmseg.registry import DATASETS, MODELS, TRANSFORMS

from mtl_plugins.datasets import NO_SAMPLE, SampleIndex, pack_dataset, seeded
from mtl_plugins.datasets.pipeline_check import FAULTS
from mtl_plugins.datasets.transforms import MEAN_COLOUR
from mtl_plugins.errors import ConfigError
from tests.conftest import ROOT
from tests.datasets.transforms.boards import (
    BOARDS,
    DECLARED,
    NEW,
    RAW,
    SIZE,
    TARGETS,
    assert_one_picture,
    assert_targets,
    checkerboards,
    loaded,
    turn_of,
    with_targets,
)


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    return checkerboards(tmp_path_factory.mktemp("boards"))


FLIPS = dict(horizontal=(-1, 1), vertical=(1, -1), diagonal=(-1, -1))
RESIZE = dict(type="Resize", scale=(48, 32))
PIXELS = dict(colours=False)
CASES = {
    "RotateTargets": [
        (dict(degree=(30, 30), prob=1.0), dict(turn=turn_of(30), new=True)),
        (dict(degree=(-75, -75), prob=1.0), dict(turn=turn_of(-75), new=True)),
    ],
    "CutOutTargets": [
        (
            dict(size=(20, 24), n_holes=(2, 3), min_size=(8, 8), prob=1.0),
            dict(new=True, size=SIZE),
        )
    ],
    "PadTargets": [
        (dict(size=(80, 90)), dict(new=True, size=(80, 96))),
        (dict(size_divisor=40), dict(new=True, size=(80, 120))),
    ],
    "CenterCropTargets": [(dict(crop_size=(40, 52)), dict(size=(40, 52)))],
    "MosaicTargets": [
        (dict(size=(60, 80), prob=1.0), dict(size=(60, 80))),
        (dict(size=(160, 200), prob=1.0), dict(size=(160, 200), new=True)),
    ],
    "ZoomTargets": [
        (dict(factor=1.5), dict(size=(96, 144), near=1.5, scale=1.5)),
        (dict(factor=0.7), dict(size=(45, 67), near=0.7, scale=0.7)),
        (dict(factor=1.4, rescale_depth=False), dict(scale=1.4)),
    ],
    "FlipTargets": [
        *(
            (dict(prob=1.0, direction=name), dict(turn=np.diag(signs)))
            for name, signs in FLIPS.items()
        ),
        (dict(prob=1.0, on_device=True), dict(size=SIZE)),
    ],
    "ResizeSample": [(dict(size=(80, 144)), dict(size=(80, 144), scale=(1.5, 1.25)))],
    "ResizeTargets": [
        (dict(scale=(48, 80)), dict(size=(80, 48), scale=(0.5, 1.25))),
        (dict(scale_factor=0.5, keep_ratio=True), dict(size=(32, 48), scale=0.5)),
    ],
    "PhotometricJitter": [({}, dict(size=SIZE))],
    "AlbuImage": [(dict(transforms=[dict(type="ISONoise", p=1.0)]), dict(size=SIZE, **PIXELS))],
    "EvaluationCrop": [(dict(rows=(0, 40), columns=(9, 70)), dict(size=SIZE, new=True, **PIXELS))],
    "IgnoreEmpty": [(dict(kinds=("semseg",), background=99), dict(size=SIZE))],
    "FillSkyDepth": [(dict(class_name="a"), dict(size=SIZE, missing=0.3))],
    "RandomCrop": [(dict(crop_size=(40, 56), cat_max_ratio=0.9), dict(size=(40, 56)))],
    "Resize": [
        (dict(scale=(144, 80)), dict(size=(80, 144))),
        (dict(scale_factor=0.6, keep_ratio=True), dict(size=(38, 57))),
    ],
    "RandomResize": [
        (dict(scale=(96, 64), ratio_range=(0.5, 2.0), keep_ratio=True), {}),
        (
            dict(scale=(96, 64), ratio_range=(0.5, 0.5), resize_type="ResizeTargets"),
            dict(scale=0.5),
        ),
    ],
    "RandomChoiceResize": [(dict(scales=[(48, 32), (120, 90)]), {})],
    "ResizeShortestEdge": [(dict(scale=50, max_size=200), dict(size=(50, 75)))],
    "ResizeToMultiple": [(dict(size_divisor=20), dict(size=(80, 100)))],
    "PhotoMetricDistortion": [({}, dict(size=SIZE, **PIXELS))],
    "CLAHE": [({}, dict(size=SIZE, **PIXELS))],
    "AdjustGamma": [(dict(gamma=2.0), dict(size=SIZE))],
    "RandomGrayscale": [(dict(prob=1.0, keep_channels=True), dict(size=SIZE, **PIXELS))],
    "BioMedicalRandomGamma": [(dict(prob=1.0), PIXELS)],
    "RandomDepthMix": [(dict(prob=1.0), dict(size=SIZE, **PIXELS))],
    "BioMedicalGaussianNoise": [(dict(prob=1.0), dict(size=SIZE))],
    "BioMedicalGaussianBlur": [(dict(prob=1.0), dict(size=SIZE, **PIXELS))],
    "BioMedical3DRandomFlip": [(dict(prob=1.0, axes=(0, 1, 2)), {})],
    "SegRescale": [(dict(scale_factor=0.5), {})],
    "RandomRotFlip": [(dict(rotate_prob=1.0), {})],
    "RandomMosaic": [(dict(prob=1.0, img_scale=SIZE), {})],
    "CenterCrop": [(dict(crop_size=40), {})],
    "Pad": [(dict(size=(128, 80)), PIXELS)],
    "RandomCutOut": [(dict(prob=1.0, n_holes=2, cutout_shape=(9, 9), seg_fill_in=255), PIXELS)],
    "RandomFlip": [(dict(prob=1.0), {})],
    "RandomRotate": [(dict(prob=1.0, degree=(30, 30), pad_val=MEAN_COLOUR), {})],
    "RandomApply": [(dict(transforms=[RESIZE], prob=1.0), dict(size=(32, 48)))],
    "RandomChoice": [(dict(transforms=[[RESIZE]]), dict(size=(32, 48)))],
    "Compose": [(dict(transforms=[RESIZE]), dict(size=(32, 48)))],
    "KeyMapper": [(dict(transforms=[dict(type="CLAHE")]), dict(size=SIZE, **PIXELS))],
    "Normalize": [(dict(mean=[1, 2, 3], std=[4, 5, 6]), PIXELS)],
}
"""Arguments of every transform that needs some, and what it then does to the board."""
ANY_PIXELS = {"BioMedicalRandomGamma", "Normalize", "RGB2Gray", "RandomGrayscale", "Rerange"}
"""Transforms whose images have other types or channels. Targets are checked all the same."""
APART = {
    *NO_SAMPLE, "Albu", "PackSegInputs", "PackTargets", "RandomMosaic",
}  # fmt: skip
"""Transforms that give something else than a sample, or raise for pictures."""
REFUSED = {"DecodeTargets", *FAULTS[0].instead, *FAULTS[1].instead}
"""Transforms that no target of the board may have."""


def registered():
    """Return the names of all transforms: mmcv's, mmseg's and this package's."""
    registry, found = TRANSFORMS, []
    while registry is not None:
        found += [f"{registry.scope}.{name}" for name in registry.module_dict]
        registry = registry.parent
    return sorted(name for name in found if name.split(".")[1] not in APART)


SUBSETS = [
    [*DECLARED],
    [target.name for target in TARGETS if target.type != "offset"],
    [target.name for target in TARGETS if not target.vector],
    ["semseg", "depth"],
    ["semseg"],
]
"""Sets of targets, from the one that fewest transforms are right for."""


def admitted(boards, transform):
    """Return the data set with the most targets that may have a transform; None if none may."""
    for names in SUBSETS:
        try:
            return loaded(with_targets(boards, *names), transform)
        except ConfigError as error:
            assert "The pipeline" in str(error)
    return None


def assert_aligned(dataset, name, size=None, new=None, **changes):
    for seed in range(3):
        key = SampleIndex(seed, (0, 0, seed))
        results = dataset[key]
        if name in ANY_PIXELS:
            labels = assert_targets(results)
        else:
            labels = assert_one_picture(results, **changes)
        assert size is None or labels.shape == size
        assert new is None or (labels == NEW).any() == new
        for again in (dataset[key] if seed == 2 else results,):
            for field in ("img", *results["seg_fields"]):
                assert np.array_equal(again[field], results[field], equal_nan=field != "img")


@pytest.mark.parametrize("name", registered())
def test_whatever_the_check_of_the_pipeline_admits_moves_everything_together(boards, name):
    """A new transform fails here until `CASES` has its arguments; none is left out."""
    short = name.split(".")[1]
    for arguments, changes in CASES.get(short, [({}, {})]):
        transform = dict(type=name, **arguments)
        dataset = admitted(boards, transform)
        assert (dataset is None) == (short in REFUSED)
        for outer in (
            dict(type="RandomApply", transforms=[transform], prob=1.0),
            dict(type="RandomChoice", transforms=[[transform]]),
        ):
            nested = admitted(boards, outer)
            if dataset is None:
                assert nested is None
            else:
                assert nested.targets() == dataset.targets(), "it is refused within others too"
                if short != "MosaicTargets":
                    assert_aligned(nested, short, **changes)
        if dataset is not None:
            assert_aligned(dataset, short, **changes)


def test_every_type_passes_every_transform_of_the_package(boards):
    ours = [n for n, t in TRANSFORMS.module_dict.items() if t.__module__.startswith("mtl_plugins.")]
    for name in set(ours) & set(CASES):
        for arguments, _ in CASES[name]:
            assert admitted(boards, dict(type=name, **arguments)).targets() == TARGETS
    loading = {"DecodeTargets", "LoadImage", "LoadTargets", "PackTargets"}
    assert set(ours) - set(CASES) == loading


def wrong_cases():
    """Return each refused transform with its fault."""
    untried = {"Albu", "PackSegInputs", *FAULTS[0].instead}  # not installed; not of pictures
    return [(name, fault) for fault in FAULTS for name in fault.instead if name not in untried]


@pytest.mark.parametrize(
    ("name", "fault"), wrong_cases(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_refused_transforms_break_alignment(boards, name, fault):
    """This also proves that the checks of the board find such errors."""
    scope, _, short = name.rpartition(".")
    arguments = CASES[short][0][0]
    kind = f"mmengine.{short}" if scope or short in ("Pad", "CenterCrop") else f"mmseg.{short}"
    transform = TRANSFORMS.build(dict(type=kind, **arguments))
    suffering = [target for target in TARGETS if fault.harms(target)]
    # Of one channel if there are such: mmseg's own mosaic raises for more.
    channels = min(target.channels for target in suffering)
    names = {"semseg", *(target.name for target in suffering if target.channels == channels)}
    samples = list(loaded(with_targets(boards, *names)))
    assert_one_picture(samples[1])
    turn = np.diag(FLIPS["horizontal"]) if name == "RandomFlip" else np.eye(2)
    scale = 1.0
    with seeded(3), pytest.raises(AssertionError, match=r"not aligned|another size|new area has"):
        results = transform(dict(samples[0], mix_results=samples[1:]))
        if short in ("Resize", "ResizeToMultiple"):
            scale = np.divide(results["img"].shape[1::-1], SIZE[::-1])
        assert_one_picture(results, colours=False, turn=turn, scale=scale)


@pytest.mark.parametrize("direction", FLIPS)
def test_flips_on_the_device_equal_those_of_the_pipeline(boards, direction):
    flip = dict(type="FlipTargets", prob=1.0, direction=direction)
    pack = dict(type="PackTargets")
    batches = []
    for on_device in (False, True):
        dataset = loaded(boards, dict(flip, on_device=on_device), pack)
        small = loaded(boards, dict(type="CenterCropTargets", crop_size=40), pack)
        data = [dataset[1], small[2]]
        batch = {key: [each[key] for each in data] for key in ("inputs", "data_samples")}
        preprocess = MODELS.build(dict(type="MultiTaskDataPreprocessor"))
        batches.append(preprocess(batch, training=True))
    ours, theirs = batches
    assert ours["inputs"].equal(theirs["inputs"])
    for one, other in zip(ours["data_samples"], theirs["data_samples"], strict=True):
        for target in TARGETS:
            a, b = (each.get(target.truth).data.numpy() for each in (one, other))
            assert a.shape == (target.channels, *SIZE) and a.dtype == b.dtype
            assert np.array_equal(a, b, equal_nan=not target.integer)
    # The smaller sample is padded with what is no truth.
    padded = ours["data_samples"][1]
    for target in TARGETS:
        known = target.known_pixels(padded.get(target.truth).data)
        assert known[..., :40, :40].any()
        assert not known[..., 40:, :].any() and not known[..., 40:].any()


def test_packing_keeps_every_value(boards):
    whole, packed = loaded(boards)[0], loaded(boards, dict(type="PackTargets"))[0]["data_samples"]
    assert packed.metainfo["targets"] == TARGETS
    for target in TARGETS:
        data = packed.get(target.truth).data.numpy()
        assert data.shape == (target.channels, *SIZE)
        expected = np.moveaxis(np.atleast_3d(whole[target.array]), 2, 0)
        assert np.array_equal(data, expected, equal_nan=not target.integer)


def test_a_target_called_edge_is_not_packed_as_mmsegs_integers(boards):
    declared = dict(edge=dict(DECLARED["height"]), semseg=DECLARED["semseg"])
    dataset = loaded(dict(boards, targets=declared), dict(type="PackTargets"))
    data = dataset[0]["data_samples"].gt_edge_map.data
    assert data.dtype.is_floating_point and data.shape == (1, *SIZE) and data.isnan().any()


CHAIN = [
    dict(type="CenterCropTargets", crop_size=(60, 90)),
    dict(type="DecodeTargets"),
    dict(type="MosaicTargets", prob=1.0),
    dict(type="FlipTargets", prob=1.0),
    dict(type="RotateTargets", degree=(20, 20), prob=1.0),
    dict(type="ZoomTargets", factor=1.25),
    dict(type="RandomApply", transforms=[dict(type="CutOutTargets", size=(9, 9), prob=1.0)]),
    dict(type="RandomCrop", crop_size=(70, 80)),
    dict(type="PadTargets", size=(90, 80)),
]


def test_a_long_pipeline_is_the_same_from_files_and_packed(boards, tmp_path):
    pack_dataset(DATASETS.build(dict(boards, pipeline=[])), str(tmp_path), {})
    packed = dict(type="PackedDataset", data_root=str(tmp_path))
    turn = turn_of(20) @ np.diag(FLIPS["horizontal"])
    files, shards = (loaded(config, *CHAIN, load=RAW) for config in (boards, packed))
    assert shards.targets() == files.targets() == TARGETS
    for index in range(BOARDS):
        key = SampleIndex(index, (1, 2, index))
        here, there = files[key], shards[key]
        labels = assert_one_picture(here, blurred=0.01, near=1.25, turn=turn, scale=1.25)
        assert labels.shape == (90, 80) and (labels == NEW).any()
        assert np.array_equal(here["img"], there["img"])
        for target in TARGETS:
            one, other = here[target.array], there[target.array]
            assert one.dtype == other.dtype == target.dtype
            assert np.array_equal(one, other, equal_nan=not target.integer)


def test_the_documented_pipeline_runs(boards):
    with open(os.path.join(ROOT, "docs", "transforms.md"), encoding="utf-8") as page:
        block = re.search(r"```python\n(.*?)```", page.read(), re.DOTALL)[1]
    values: dict = {}
    exec(block, values)
    sample = DATASETS.build(dict(boards, pipeline=values["train_pipeline"]))[0]
    assert sample["inputs"].shape == (3, 48, 64)


def test_a_centre_crop_before_decoding_gives_the_same(boards):
    crop = dict(type="CenterCropTargets", crop_size=31)
    early = loaded(boards, crop, dict(type="DecodeTargets"), load=RAW)[1]
    late = loaded(boards, crop)[1]
    whole = loaded(boards)[1]
    for key in ("img", *(target.array for target in TARGETS)):
        floating = late[key].dtype.kind == "f"
        assert np.array_equal(early[key], late[key], equal_nan=floating)
        assert np.array_equal(late[key], whole[key][16:47, 32:63], equal_nan=floating)


def test_raw_values_are_cropped_or_refused(boards):
    decode = dict(type="DecodeTargets")
    allowed = {"AlbuImage", "CenterCropTargets", "PhotometricJitter"}
    ours = [n for n, t in TRANSFORMS.module_dict.items() if t.__module__.startswith("mtl_plugins.")]
    for name in set(ours) & set(CASES):
        case = dict(type=name, **CASES[name][0][0])
        if name in allowed:
            loaded(boards, case, decode, load=RAW)
            continue
        with pytest.raises(ConfigError, match=rf"{name} would change .*after DecodeTargets"):
            loaded(boards, case, decode, load=RAW)
    loaded(boards, dict(type="FlipTargets", prob=1, on_device=True), decode, load=RAW)
    with pytest.raises(ConfigError, match="without DecodeTargets"):
        loaded(boards, load=RAW)
    with pytest.raises(ConfigError, match="decoded already"):
        loaded(boards, decode)
