"""A network of four channels predicts the same from files, arrays and its exported forms."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from PIL import Image

from mtl_plugins.engine import train
from mtl_plugins.errors import DataError
from mtl_plugins.inference import MultiTaskInferencer, Sources
from mtl_plugins.inference.export import export
from tests.config.test_config import BRANCHED
from tests.inference.conftest import assert_equal, write_video

pytestmark = pytest.mark.slow

SIZE = (32, 64)
NAMES = ["epoch_1.pth", "exported.onnx", "exported.pt2", "exported.safetensors"]


def write_data(root):
    """Write four pictures of 12 bits and four channels, labels, and depth of half the size."""
    random = np.random.default_rng(0)
    half = (SIZE[0] // 2, SIZE[1] // 2)
    for index in range(4):
        values = random.integers(0, 4096, (*half, 4)).astype(np.uint16)
        files = dict(
            rgbi=cv2.resize(values, SIZE[::-1]),
            label=random.integers(0, 2, SIZE).astype(np.uint8),
            depth=random.integers(100, 5000, half).astype(np.uint16),
        )
        for folder, array in files.items():
            os.makedirs(root / folder, exist_ok=True)
            cv2.imwrite(str(root / folder / f"{index}.png"), array)


def four_channels(root, **changes):
    """Return the changes to a config that train on this data."""
    data = dict(
        type="MultiTaskDataset", data_root=str(root), data_prefix=dict(img_path="rgbi"),
        img_suffix=".png", image_channels=4, image_range=(0, 4095),
        targets=dict(
            semseg=dict(folder="label", classes=("a", "b")),
            depth=dict(folder="depth", scale=0.01, resize=True),
        ),
        pipeline=[dict(type=t) for t in ("LoadImage", "LoadTargets", "PackTargets")],
        _delete_=True, **changes,
    )  # fmt: skip
    # Small, so that it is exported fast.
    decoder = dict(
        type="DeepLabDecoder", channels=8, aspp_rates=None, skip_stride=None, _delete_=True
    )
    loader = dict(dataset=data, num_workers=0, persistent_workers=False, batch_size=2)
    return dict(
        train_dataloader=loader, val_dataloader=loader, test_dataloader=loader,
        model=dict(
            backbone=dict(model_name="test_resnet"),
            data_preprocessor=dict(mean=[127.0] * 4, std=[60.0] * 4),
            decode_head=dict(type="JointHead", decoder=decoder),
        ),
        train_cfg=dict(max_epochs=1),
    )  # fmt: skip


def config_file(folder, changes):
    path = folder / "four.py"
    lines = [f"_base_ = {BRANCHED!r}", *(f"{key} = {value!r}" for key, value in changes.items())]
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("four")
    write_data(folder)
    train(config_file(folder, four_channels(folder)), work_dir=str(folder))
    checkpoint = str(folder / "epoch_1.pth")
    export(checkpoint, out=str(folder / "exported.onnx"), preprocess=True)
    export(checkpoint, out=str(folder / "exported.pt2"))
    export(checkpoint, out=str(folder / "exported.safetensors"))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_files_and_arrays_give_the_same(trained, name):
    inferencer = MultiTaskInferencer(trained / name, device="cpu")
    assert inferencer.metainfo["image_channels"] == 4
    assert inferencer.metainfo["image_range"] == (0, 4095)
    path = str(trained / "rgbi" / "1.png")
    stored = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    (of_file,), (of_values,) = inferencer(path), inferencer(stored)
    assert len(np.unique(of_file.image)) == len(np.unique(stored)) > 256
    np.testing.assert_allclose(of_file.image, stored * (255 / 4095), atol=1e-4)
    [of_image] = inferencer(of_file.image)
    for other in (of_values, of_image):
        assert_equal(other.maps, of_file.maps)
    [of_network] = MultiTaskInferencer(trained / "epoch_1.pth", device="cpu")(path)
    assert_equal(of_file.maps, of_network.maps)


def test_the_fourth_channel_and_the_low_bits_count(trained):
    inferencer = MultiTaskInferencer(trained / "epoch_1.pth", device="cpu")
    stored = cv2.imread(str(trained / "rgbi" / "1.png"), cv2.IMREAD_UNCHANGED)
    depths = [inferencer(stored)[0]["depth"]]
    for channel in range(4):
        changed = stored.copy()
        changed[..., channel] ^= 1
        depths.append(inferencer(changed)[0]["depth"])
    for index, one in enumerate(depths):
        assert all((one != other).any() for other in depths[:index])


def test_a_folder_of_arrays_is_predicted_and_drawn(trained, tmp_path, command):
    stored = cv2.imread(str(trained / "rgbi" / "1.png"), cv2.IMREAD_UNCHANGED)
    os.makedirs(tmp_path / "in")
    np.save(tmp_path / "in" / "a.npy", stored[..., [2, 1, 0, 3]])
    cv2.imwrite(str(tmp_path / "in" / "b.png"), stored)
    out = tmp_path / "out"
    command("predict.py", str(trained / "epoch_1.pth"), str(tmp_path / "in"), "--out", str(out))
    for kind in ("labels", "depth", "panel"):
        one, other = (np.asarray(Image.open(out / kind / f"{name}.png")) for name in "ab")
        if kind != "panel":  # which shows the name
            assert np.array_equal(one, other) and one.shape == SIZE


def test_panels_of_the_run_show_colours(trained):
    assert [*trained.glob("panels/**/*.png")]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((8, 9, 3), np.uint8), r"\(8, 9, 3\) uint8; expected an image H,W,4 uint8"),
        (np.zeros((8, 9, 4), np.float64), r"float64; expected .* uint16, or float32"),
        (np.full((8, 9, 4), 0.5, np.float32), r"array \* 255"),
        (np.full((8, 9, 4), 300, np.float32), "0 to 255"),
    ],
)
def test_other_arrays_are_refused(trained, array, text):
    with pytest.raises(DataError, match=text):
        MultiTaskInferencer(trained / "epoch_1.pth", device="cpu")(array)


def test_pictures_of_three_channels_and_videos_are_problems(tmp_path):
    Image.new("RGB", (9, 8)).save(tmp_path / "a.png")
    write_video(tmp_path / "b.mp4", [np.zeros((32, 64, 3), np.uint8)] * 3)
    sources = Sources([str(tmp_path)], image_channels=4)
    assert not [*sources]
    first, second = sorted(map(str, sources.problems))
    assert "expected 4 channels" in first
    assert "b.mp4 is a video of three channels" in second


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (dict(image_range=(0, 1023)), r"outside of image_range=\(0, 1023\)"),
        (dict(image_channels=3), "images of train_dataloader have 3 channels, but"),
    ],
)
def test_what_the_files_do_not_hold_is_refused_before_the_first_step(
    trained, tmp_path, changes, text
):
    given = four_channels(trained)
    for split in ("train", "val", "test"):
        given[f"{split}_dataloader"]["dataset"].update(changes)
    with pytest.raises(ValueError, match=text):
        train(config_file(tmp_path, given), work_dir=str(tmp_path / "run"))
    assert not [*tmp_path.glob("run/**/scalars.json")]


def test_a_file_of_another_number_of_channels_is_refused(trained, tmp_path):
    write_data(tmp_path)
    cv2.imwrite(str(tmp_path / "rgbi" / "2.png"), np.zeros((*SIZE, 3), np.uint16))
    with pytest.raises(DataError, match=r"2.png has shape \(32, 64, 3\); expected 4 channels"):
        train(config_file(tmp_path, four_channels(tmp_path)), work_dir=str(tmp_path / "run"))
