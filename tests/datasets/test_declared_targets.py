"""Targets that a config declares: files of every type, packing, and errors that say what to do."""

import json
import os
import re
import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.datasets import FORMATS, TargetFormat, ValueFormat, pack_dataset
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.targets import DEPTH, NORMALS, SEMSEG, Target, targets_in
from tests.conftest import ROOT

SIZE, COUNT = (6, 8), 5
LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
MANY = tuple(f"species {index}" for index in range(300))


def raw_files(index):
    """Return the raw values of each folder's file."""
    random = np.random.default_rng(index)
    height = random.integers(0, 3000, SIZE).astype(np.int32)
    height[0] = -9999
    flow = random.normal(size=(*SIZE, 2)).astype(np.float32)
    flow[:, 0] = np.nan
    return dict(
        rgb=random.integers(0, 256, (*SIZE, 3), np.uint8),
        label=random.choice(np.array([0, 7, 26], np.uint8), SIZE),
        mask=random.choice(np.array([0, 255], np.uint8), SIZE),
        species=random.choice(np.array([3, 255, 299, 65535], np.uint16), SIZE),
        depth=random.integers(0, 9000, SIZE).astype(np.uint16),
        height=height,
        facing=random.integers(0, 256, (*SIZE, 3), np.uint8),
        flow=flow,
    )


ROAD = dict(folder="label", classes=("road", "car"), label_map={0: 255, 7: 0, 26: 1})
TARGETS = dict(
    semseg=ROAD,
    lanes=dict(ROAD, type="classes", classes=("rest", "car"), label_map={0: 0, 7: 0, 26: 1}),
    species=dict(type="classes", folder="species", classes=MANY),
    mask=dict(type="binary", folder="mask", label_map={0: 0, 255: 1}),
    depth=dict(folder="depth", scale=0.01, range=(0.1, 80.0)),
    disparity=dict(type="scalar", folder="depth", distance=True, scale=0.001, inverse=True),
    height=dict(
        type="scalar", folder="height", suffix=".npy", scale=0.01, invalid=-9999, unit="m",
        range=(-5, 25),
    ),
    facing=dict(type="direction", folder="facing", signs=(1, -1, -1)),
    flow=dict(type="offset", folder="flow", suffix=".npy", scale=2.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("declared")
    for index in range(COUNT):
        for name, raw in raw_files(index).items():
            os.makedirs(folder / name, exist_ok=True)
            if name in ("height", "flow"):
                np.save(folder / name / f"{index}.npy", raw)
            else:
                Image.fromarray(raw).save(folder / name / f"{index}.png")
    return folder


def config(root, targets=TARGETS, **options):
    return dict(
        type="MultiTaskDataset", data_root=str(root), data_prefix=dict(img_path="rgb"),
        img_suffix=".png", targets=targets, pipeline=LOAD, serialize_data=False, **options,
    )  # fmt: skip


def built(root, targets=TARGETS, **options):
    return DATASETS.build(config(root, targets, **options))


def test_files_become_the_values_of_their_type(root):
    raw, sample = raw_files(1), built(root)[1]
    label = raw["label"]
    assert np.array_equal(sample["gt_seg_map"], np.select([label == 0, label == 7], [255, 0], 1))
    assert np.array_equal(sample["gt_lanes_map"], label == 26)
    assert np.array_equal(sample["gt_species_map"], raw["species"])
    assert sample["gt_species_map"].dtype == np.uint16
    assert np.array_equal(sample["gt_mask_map"], raw["mask"] // 255)
    metres = raw["depth"] * 0.01
    metres = np.where((metres < 0.1) | (metres > 80), 0, metres)
    np.testing.assert_allclose(sample["gt_depth_map"], metres, rtol=1e-6)
    seen = raw["depth"] > 0
    np.testing.assert_allclose(
        sample["gt_disparity_map"][seen], 1000 / raw["depth"][seen], rtol=1e-6
    )
    assert (sample["gt_disparity_map"][~seen] == 0).all()
    height = raw["height"] * 0.01
    height[(height < -5) | (height > 25)] = np.nan
    np.testing.assert_allclose(sample["gt_height_map"], height, rtol=1e-6)
    np.testing.assert_allclose(sample["gt_flow_map"], raw["flow"] * 2)
    lengths = np.linalg.norm(sample["gt_facing_map"], axis=-1)
    assert (np.isclose(lengths, 1, atol=1e-6) | (lengths == 0)).all()


def leaves_of(value):
    """Yield every value in nested dicts, lists and tuples."""
    if isinstance(value, (dict, list, tuple)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves_of(each)
    else:
        yield value


def test_samples_carry_data_alone(root, tmp_path):
    """Arrays, plain values and descriptions of targets; no data set, format or mapped file."""
    plain = (bool, int, float, str, np.ndarray, np.integer, Target, type(None))
    pack_dataset(built(root), str(tmp_path), dict(any="source"))
    packed = dict(type="PackedDataset", data_root=str(tmp_path), pipeline=LOAD)
    for dataset in (built(root), DATASETS.build(packed)):
        values = [*leaves_of(dataset[0])]
        assert {type(value) for value in values if not isinstance(value, plain)} == set()


def test_the_metainfo_describes_the_targets_as_plain_data(root):
    dataset = built(root)
    described = json.loads(json.dumps(dataset.metainfo["targets"]))
    assert targets_in(dict(targets=described)) == {t.name: t for t in dataset.targets()}
    assert [*described][:3] == ["semseg", "depth", "lanes"] and {*described} == {*TARGETS}
    assert dataset.metainfo["classes"] == ("road", "car")
    assert described["species"]["classes"][299] == "species 299"


def test_classes_of_the_config_have_their_own_colours(root):
    other = dict(classes=("a", "b", "c"), palette=[[1, 1, 1], [2, 2, 2], [3, 3, 3]])
    [semseg] = built(root, dict(semseg=ROAD), metainfo=other).targets()
    assert semseg.classes == ("road", "car") and len(semseg.palette) == 2
    [same] = built(root, dict(semseg=dict(ROAD, palette=None)), metainfo=other).targets()
    assert same.classes == semseg.classes and not same.palette  # None: no colours given


def packed(root, folder, **options):
    pack_dataset(built(root, **options), str(folder), {}, samples_per_shard=2)
    return DATASETS.build(
        dict(type="PackedDataset", data_root=str(folder), pipeline=LOAD, serialize_data=False)
    )


def assert_same(dataset, other):
    assert dataset.targets() == other.targets() and len(dataset) == len(other)
    for index in range(len(dataset)):
        one, two = dataset[index], other[index]
        assert np.array_equal(one["img"], two["img"])
        for target in dataset.targets():
            a, b = one[target.array], two[target.array]
            assert a.dtype == b.dtype == target.dtype
            assert a.tobytes() == b.tobytes(), target.name


def test_packed_targets_of_every_type_are_the_same_bit_for_bit(root, tmp_path):
    dataset = packed(root, tmp_path / "packed")
    assert_same(built(root), dataset)
    assert dataset.metainfo["targets"] == built(root).metainfo["targets"]
    # A format is looked up, not used up.
    entry = dataset.get_data_info(0)
    for target in dataset.targets():
        one, two = (dataset.format_of(entry, target).decode for _ in range(2))
        assert one == two
    pack_dataset(dataset, str(tmp_path / "again"), {})
    again = dict(type="PackedDataset", data_root=str(tmp_path / "again"), pipeline=LOAD)
    assert_same(built(root), DATASETS.build(again))


def with_sum(content):
    return dict(content, json_checksum=zlib.crc32(json.dumps(content).encode()))


def test_folders_of_version_2_are_still_read(tmp_path):
    """Version 2 lists names of predefined targets, and decoding without the format's name."""
    random = np.random.default_rng(0)
    arrays = dict(
        img=random.integers(0, 256, (2, 3, 3), np.uint8),
        gt_seg_map=np.array([[0, 1, 255], [1, 1, 0]], np.uint8),
        gt_depth_map=np.array([[0, 100, 250], [3, 2, 1]], np.uint16),
        gt_normal_map=random.integers(0, 256, (2, 3, 3), np.uint8),
    )
    data, places = b"", {}
    for key, array in arrays.items():
        places[key] = (len(data), array.dtype.str, array.shape)
        data += array.tobytes()
        data += bytes(-len(data) % 64)
    (tmp_path / "shard-00000.bin").write_bytes(data)
    entry = dict(
        img_path="a.png", seg_map_path="b.png", depth_map_path="c.png", normal_map_path="d.png",
        arrays=places,
        decoding=dict(
            depth=dict(scale=0.01, offset=0.0, inverse=False, invalid=[0], min_depth=0.0,
                       max_depth=2.0, digits=[1]),
            normals=dict(scale=2 / 255, offset=-1.0, signs=[1, -1, 1]),
        ),
    )  # fmt: skip
    description = dict(
        version=2, source={}, members=[0], bytes=len(data), checksum=zlib.crc32(data), skipped=[],
        samples=[entry],
    )  # fmt: skip
    (tmp_path / "shard-00000.json").write_text(json.dumps(with_sum(description)))
    index = dict(
        version=2,
        metainfo=dict(classes=["a", "b"], palette=[[1, 2, 3], [4, 5, 6]], depth_unit="relative"),
        targets=["semseg", "depth", "normals"], shards=[1], source={},
    )  # fmt: skip
    (tmp_path / "index.json").write_text(json.dumps(with_sum(index)))
    dataset = DATASETS.build(dict(type="PackedDataset", data_root=str(tmp_path), pipeline=LOAD))
    assert [target.name for target in dataset.targets()] == ["semseg", "depth", "normals"]
    assert dataset.targets()[1].unit == "relative" and [*dataset.verify()] == []
    sample = dataset[0]
    assert np.array_equal(sample["img"], arrays["img"])
    assert np.array_equal(sample[SEMSEG.array], arrays["gt_seg_map"])
    np.testing.assert_allclose(sample[DEPTH.array], [[0, 1, 0], [0.03, 0.02, 0.01]], rtol=1e-6)
    raw = arrays["gt_normal_map"].astype(np.float32) * np.float32(2 / 255) - 1
    known = sample[NORMALS.array].any(-1)
    lengths = np.linalg.norm(raw, axis=-1)
    assert np.array_equal(known, (lengths > 0.5) & (lengths < 1.5))
    expected = (raw * (1, -1, 1) / lengths[..., None])[known]
    np.testing.assert_allclose(sample[NORMALS.array][known], expected, atol=1e-6)


def test_joined_data_sets_have_the_targets_of_all(root):
    parts = [config(root, {name: TARGETS[name]}) for name in ("flow", "mask")]
    joined = DATASETS.build(dict(type="ConcatDataset", datasets=parts))
    assert [*targets_in(joined.metainfo)] == ["flow", "mask"]
    assert "gt_flow_map" in joined[0] and "gt_flow_map" not in joined[COUNT]
    other = config(root, dict(flow=dict(TARGETS["mask"])))
    with pytest.raises(ConfigError, match=r"part 1 has the target 'flow'.*different names"):
        DATASETS.build(dict(type="ConcatDataset", datasets=[parts[0], other]))


@pytest.fixture
def own_format():
    @dataclass(frozen=True)
    class Halved(TargetFormat):
        part: int = 2

        def __call__(self, raw, path=""):
            return (raw / self.part).astype(np.float32)

    FORMATS.register_module(module=Halved)
    yield
    FORMATS.module_dict.pop("Halved", None)


def test_a_format_of_ones_own_is_named_in_the_config_and_packed(root, tmp_path, own_format):
    mine = dict(type="scalar", folder="depth", format=dict(type="Halved", part=4))
    dataset = built(root, dict(height=mine))
    expected = raw_files(2)["depth"] / 4
    np.testing.assert_allclose(dataset[2]["gt_height_map"], expected)
    folder = packed(root, tmp_path, targets=dict(height=mine))
    assert_same(dataset, folder)
    FORMATS.module_dict.pop("Halved")
    from mtl_plugins.datasets.packed import packed_dataset

    packed_dataset._format.cache_clear()
    with pytest.raises(ConfigError, match=r"format Halved, which is not reg.*custom_imports"):
        folder[0]


def test_another_format_takes_no_arguments_of_the_old_one(root, own_format):
    mine = dict(folder="depth", format=dict(type="Halved"))
    sample = built(root, dict(depth=mine), depth_format=dict(scale=0.01))[0]
    np.testing.assert_allclose(sample["gt_depth_map"], raw_files(0)["depth"] / 2)


def height(**changes):
    return dict(height=dict(TARGETS["height"], **changes))


WRONG = {
    "typo": (height(scael=2), r"targets\.height has no 'scael'.*scale"),
    "typo in a format": (
        dict(height=dict(type="scalar", folder="height", format=dict(scael=2))),
        r"targets\.height has no 'scael'.*scale",
    ),
    "unknown type": (height(type="scaler"), r"targets\.height: type='scaler'.*scalar"),
    "no type": (dict(height=dict(folder="height")), r"targets\.height has no type"),
    "type of another": (dict(depth=dict(type="classes")), r"depth.*predefined with the type"),
    "palette": (
        dict(lanes=dict(TARGETS["lanes"], palette=[[0, 0, 0]])), r"palette=.*each of the 2 classes"
    ),
    "palette of no colours": (
        dict(lanes=dict(TARGETS["lanes"], palette=[[0, 0, 300], [0, 0, 0]])), "of 0 to 255"
    ),
    "classes twice": (
        dict(lanes=dict(TARGETS["lanes"], classes=("a", "a"))), r"lanes.*a name twice"
    ),
    "one text of classes": (dict(lanes=dict(TARGETS["lanes"], classes="road")), "a list of names"),
    "no classes": (dict(lanes=dict(type="classes", folder="label")), "lanes.*has no classes"),
    "no folder": (dict(lanes=dict(type="binary")), r"targets\.lanes has no folder"),
    "name taken": (dict(seg=dict(type="binary", folder="mask")), r"the name 'seg' cannot be used"),
    "no name": ({"a b": dict(type="binary", folder="mask")}, "'a b' cannot be used"),
    "word of Python": ({"class": dict(type="binary", folder="mask")}, "'class' cannot be used"),
    "name of measures": (
        dict(multitask=dict(type="binary", folder="mask")), "other than 'multitask'"
    ),
    "reversed": (height(range=(25, -5)), r"range=\(25, -5\).*smallest, largest"),
    "negative distance": (height(distance=True), r"smallest, largest\) above 0"),
    "range twice": (height(high=20.0), r"'high', which follows from the target's .*range"),
    "range of classes": (
        dict(lanes=dict(TARGETS["lanes"], range=(0, 1))), "belong to the type 'scalar'"
    ),
    "scale of 0": (height(scale=0), r"targets\.height.*scale"),
    "label map": (
        dict(lanes=dict(TARGETS["lanes"], label_map={0: 7})), r"lanes.*label_map sends \{0: 7\}"
    ),
    "format twice": (
        height(format=dict(scale=2)), r"targets\.height has a format and \['invalid', 'scale'\]"
    ),
    "unknown format": (
        dict(height=dict(type="scalar", folder="height", format=dict(type="ValueFormt"))),
        r"targets\.height\.type='ValueFormt'.*ValueFormat",
    ),
    "no dict": (dict(lanes="label"), r"targets\.lanes='label'; expected dict\("),
    "names alone": (["semseg", "lanes"], r"targets=\['semseg', 'lanes'\]; expected dict\("),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_declarations_are_config_errors_before_any_file_is_read(name):
    targets, message = WRONG[name]
    with pytest.raises(ConfigError, match=message):
        built("/nowhere", targets)


def test_folders_that_contradict_each_other_are_refused():
    twice = config("/nowhere", dict(mask=TARGETS["mask"]))
    twice["data_prefix"] = dict(img_path="rgb", mask_map_path="other")
    with pytest.raises(ConfigError, match=r"targets\.mask\.folder='mask', but data_prefix\."):
        DATASETS.build(twice)
    unknown = config("/nowhere", {})
    unknown["data_prefix"] = dict(img_path="rgb", mask_map_path="other")
    with pytest.raises(ConfigError, match="data_prefix has no folder 'mask_map_path'"):
        DATASETS.build(unknown)


def test_a_folder_that_does_not_exist_is_named(root):
    mask = dict(TARGETS["mask"], folder="masks")
    with pytest.raises(DataError, match=r"5 of 5 mask files are missing.*targets\.mask\) out"):
        built(root, dict(mask=mask))


def test_a_mask_of_0_and_255_without_a_label_map_has_no_pixel_of_class_1(root):
    """255 means no class, as in every label file; docs/datasets.md says so."""
    mask = dict(type="binary", folder="mask")
    found = {int(v) for v in np.unique(built(root, dict(mask=mask))[0]["gt_mask_map"])}
    assert found == {0, 255}


def test_the_documented_declarations_and_format(request):
    request.addfinalizer(lambda: FORMATS.module_dict.pop("LogFormat", None))
    with open(os.path.join(ROOT, "docs", "datasets.md"), encoding="utf-8") as page:
        values: dict = {}
        for block in re.findall(r"```python\n(.*?)```", page.read(), re.DOTALL):
            exec(block, values)
    given = dict(values["dataset"], pipeline=[], lazy_init=True)
    given["targets"] = dict(given["targets"], rain=values["rain"])
    dataset = DATASETS.build(given)
    names = ["semseg", "depth", "lanes", "moving", "height", "flow", "rain"]
    assert [target.name for target in dataset.targets()] == names
    np.testing.assert_allclose(
        dataset.formats["rain"](np.array([[0, 2]])), [[np.nan, 1.44]], rtol=1e-6
    )


def test_values_are_written_as_they_are_read():
    for form in (ValueFormat(1 / 200, invalid=(255, 0)), ValueFormat(2.0, -7.0)):
        values = np.linspace(0.1, 1.2, 50, dtype=np.float32).reshape(5, 10) * 200 * form.scale
        assert np.abs(form(form.encode(values)) - values).max() <= form.scale * 0.51
    # The nearest raw value that means something.
    encoded = ValueFormat(invalid=(0, 1)).encode(np.array([[0.2, 1e9]]))
    assert encoded.tolist() == [[2, 65535]]
