"""Every argument that mmseg's data sets take has its effect here, or is refused."""

import inspect

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, TRANSFORMS

from mtl_plugins.config import pack_config
from mtl_plugins.datasets import (
    IGNORED,
    NO_SAMPLE,
    DenseDataset,
    MultiTaskDataset,
    check_foreign_data,
)
from mtl_plugins.errors import ConfigError
from tests.conftest import SCENES

LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
OTHERS = dict(
    reduce_zero_label=[True],
    ignore_index=[0, 1, 254],
    filter_cfg=[dict(filter_empty_gt=True)],
    backend_args=[dict(backend="petrel")],
)
"""Values of each refused argument."""
HARMLESS = dict(reduce_zero_label=False, ignore_index=255, filter_cfg=None, backend_args=None)
TRIED = {
    "ann_file", "data_prefix", "data_root", "img_suffix", "indices", "lazy_init", "max_refetch",
    "metainfo", "pipeline", "seg_map_suffix", "serialize_data", "test_mode",
}  # fmt: skip
"""Arguments whose effect a test below shows, or tests/datasets/test_multi_task_dataset.py."""
NEEDED = dict(StreetScenesDataset=dict(split="train", render=False, **SCENES), PackedDataset=dict())


def data_sets():
    found = {n: c for n, c in DATASETS.module_dict.items() if issubclass(c, DenseDataset)}
    assert len(found) > 7
    return found


def scenes(root, **options):
    return DATASETS.build(
        dict(dict(type="StreetScenesDataset", data_root=root, split="train", **SCENES), **options)
    )


def test_every_argument_of_mmsegs_data_sets_has_a_test():
    accepted = {*inspect.signature(BaseSegDataset.__init__).parameters} - {"self"}
    assert accepted == {*IGNORED} | TRIED and IGNORED.keys() == OTHERS.keys()


@pytest.fixture(scope="module")
def packed(scenes_root, tmp_path_factory):
    from mmengine.config import Config

    dataset = dict(type="StreetScenesDataset", data_root=scenes_root, split="train", **SCENES)
    folder = tmp_path_factory.mktemp("packed")
    pack_config(Config(dict(train_dataloader=dict(dataset=dataset))), str(folder))
    return str(folder / "train")


@pytest.mark.parametrize("name", data_sets())
@pytest.mark.parametrize("argument", OTHERS)
def test_arguments_without_effect_are_refused_by_every_data_set(name, argument, packed, tmp_path):
    root = packed if name == "PackedDataset" else str(tmp_path)
    given = dict(NEEDED.get(name, {}), type=name, data_root=root, lazy_init=True)
    for value in OTHERS[argument]:
        with pytest.raises(ConfigError, match=rf"{name}.*{argument}") as caught:
            DATASETS.build(dict(given, **{argument: value}))
        assert name == "PackedDataset" or IGNORED[argument][1] in str(caught.value)
    if name != "PackedDataset" or argument != "backend_args":
        DATASETS.build(dict(given, **{argument: HARMLESS[argument]}))


def test_a_data_set_that_filters_may_be_told_how(tmp_path):
    class Filtered(MultiTaskDataset):
        def filter_data(self):
            return self.data_list[: self.filter_cfg["first"]]

    for name in "abc":
        (tmp_path / f"{name}.jpg").touch()
    found = Filtered(
        data_root=str(tmp_path), data_prefix=dict(img_path=""), filter_cfg=dict(first=2)
    )
    assert len(found) == 2


@pytest.mark.parametrize("key", ["CLASSES", "class", "pallete", "label_map", "reduce_zero_label"])
def test_meta_information_without_effect_is_refused(scenes_root, key):
    with pytest.raises(ConfigError, match=rf"metainfo={{'{key}'"):
        scenes(scenes_root, metainfo={key: ("a", "b")})
    assert scenes(scenes_root, metainfo=dict(task_name="x")).metainfo["task_name"] == "x"


def test_what_was_packed_is_not_given_again(packed):
    for argument, value in dict(
        ann_file="a.txt", data_prefix=dict(img_path="x"), depth_unit="cm", img_suffix=".tif",
        metainfo=dict(classes=("a",)), seg_map_suffix="_x.png", backend_args=dict(),
    ).items():  # fmt: skip
        with pytest.raises(ConfigError, match=rf"PackedDataset takes no {argument}: it follows"):
            DATASETS.build(dict(type="PackedDataset", data_root=packed, **{argument: value}))
    with pytest.raises(ConfigError, match=r"LoadImageFromFile reads files.*Use LoadImage"):
        pipeline = [dict(type="LoadImageFromFile"), LOAD[1]]
        DATASETS.build(dict(type="PackedDataset", data_root=packed, pipeline=pipeline))


def test_street_scenes_have_their_folders(scenes_root):
    with pytest.raises(ConfigError, match="StreetScenesDataset takes no data_prefix: the renderer"):
        scenes(scenes_root, data_prefix=dict(img_path="rgb/train"))


def test_indices_choose_and_lists_may_be_serialized_or_read_late(scenes_root):
    count = SCENES["counts"]["train"]
    assert [len(scenes(scenes_root, indices=i)) for i in (2, -1, [0, 3, 5])] == [2, 1, 3]
    whole = scenes(scenes_root, serialize_data=True)
    for other in (scenes(scenes_root, serialize_data=False), scenes(scenes_root, lazy_init=True)):
        assert len(other) == count
        assert other.get_data_info(4)["img_path"] == whole.get_data_info(4)["img_path"]


@TRANSFORMS.register_module()
class EveryOther(BaseTransform):
    """Give up on every other sample."""

    def transform(self, results):
        return None if results["sample_idx"] % 2 else results


def test_samples_that_a_transform_gives_up_are_fetched_again(scenes_root):
    pipeline = [*LOAD, dict(type="EveryOther")]
    np.random.seed(0)
    found = scenes(scenes_root, pipeline=pipeline)
    assert {found[index]["sample_idx"] % 2 for index in range(len(found))} == {0}
    with pytest.raises(Exception, match="Cannot find valid image"):
        once = scenes(scenes_root, pipeline=pipeline, max_refetch=0)
        [once[index] for index in range(len(once))]
    with pytest.raises(Exception, match="should not get `None`"):
        scenes(scenes_root, pipeline=pipeline, test_mode=True)[1]


@pytest.mark.parametrize("wrapped", [False, True])
def test_depth_of_mmsegs_own_data_sets_is_checked(tmp_path, wrapped):
    loaders = [
        dict(type="LoadImageFromFile"), dict(type="LoadAnnotations"),
        dict(type="LoadDepthAnnotation"),
    ]  # fmt: skip

    def checked(*transforms, load=loaders):
        data = dict(type="NYUDataset", data_root=str(tmp_path), lazy_init=True)
        pipeline = [*load, *transforms, dict(type="PackSegInputs")]
        dataset = dict(data, pipeline=pipeline)
        if wrapped:
            dataset = dict(type="RepeatDataset", times=2, dataset=dataset, lazy_init=True)
        check_foreign_data(DATASETS.build(dataset))

    rotate = dict(type="RandomRotate", degree=3.0, prob=1.0)
    checked(dict(type="RandomFlip", prob=0.5), dict(type="RandomCrop", crop_size=(8, 8)))
    checked(rotate, load=loaders[:2])
    with pytest.raises(ConfigError, match=r"RandomRotate.*depth.*Use RotateTargets"):
        checked(rotate)


@pytest.mark.parametrize("name", NO_SAMPLE)
def test_transforms_of_other_inputs_are_refused(scenes_root, name):
    arguments = {
        "BioMedical3DPad": dict(pad_shape=(8, 8, 8)),
        "BioMedical3DRandomCrop": dict(crop_shape=(8, 8, 8)),
        "ImageToTensor": dict(keys=["img"]),
        "ToTensor": dict(keys=["img"]),
        "MultiScaleFlipAug": dict(transforms=[], scale_factor=1.0),
        "TestTimeAug": dict(transforms=[[dict(type="CLAHE")]]),
        "TransformBroadcaster": dict(transforms=[dict(type="CLAHE")]),
    }
    transform = dict(type=name, **arguments.get(name, {}))
    for pipeline in ([*LOAD, transform], [LOAD[0], transform]):
        with pytest.raises(ConfigError, match=name) as caught:
            scenes(scenes_root, pipeline=pipeline)
        assert f"Use {NO_SAMPLE[name]}" in str(caught.value)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (dict(type="RandomRotate", degree=-3, prob=1.0), "Use RotateTargets"),
        (dict(type="RandomCrop"), "missing 1 required.*Correct its arguments"),
        (dict(type="RandomApply", transforms=[dict(type="RandomCrop")]), "Correct its arguments"),
        (dict(type="FlipTargets", side="left"), "unexpected keyword.*Correct its arguments"),
    ],
)
def test_transforms_that_refuse_their_arguments_are_reported(scenes_root, transform, message):
    with pytest.raises(ConfigError, match=rf"{transform['type']}.* cannot be built .*{message}"):
        scenes(scenes_root, pipeline=[*LOAD, transform])
