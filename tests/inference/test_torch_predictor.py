"""A checkpoint predicts what a test measures, and loading it runs no code."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins.checkpoints import CheckpointError
from mtl_plugins.errors import ConfigError
from mtl_plugins.inference import MultiTaskInferencer, TorchPredictor
from mtl_plugins.inference.output import OutputFolder
from mtl_plugins.inference.predictor import checked_device
from mtl_plugins.models.segmentors import InferenceConfig
from mtl_plugins.targets import DEPTH
from tests.conftest import ROOT
from tests.inference.conftest import BINS, SIZES, assert_equal, images, save_run

RESIZE = dict(type="Resize", scale=(96, 48), keep_ratio=False)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model.test_cfg": dict(mode="slide", crop_size=(64, 64), stride=(32, 32))},
        {
            "test_dataloader.dataset.pipeline": [
                dict(type="LoadImage"),
                dict(type="LoadTargets"),
                RESIZE,
                dict(type="PackTargets"),
            ]
        },
    ],
    ids=["whole", "slide", "resized"],
)
def test_predictions_equal_those_of_a_test(tmp_path, scene_options, scenes_root, changes):
    """Compare with the runner's test loop, from files to samples."""
    checkpoint, _, runner = save_run(tmp_path, scene_options, **changes)
    expected = {}
    loader = runner.build_dataloader(runner.cfg.test_dataloader)
    runner.model.eval()
    with torch.no_grad():
        for batch in loader:
            for sample in runner.model.test_step(batch):
                expected[sample.img_path] = sample
    folder = os.path.join(scenes_root, "rgb", "val")
    predictions = MultiTaskInferencer(checkpoint, batch_size=2)(folder)
    assert len(predictions) == len(expected) == 3
    for found in predictions:
        sample = expected[found.source.path]
        assert_equal(
            found.maps,
            dict(
                semseg=sample.pred_sem_seg.data[0].numpy().astype(np.uint8),
                depth=sample.pred_depth_map.data[0].numpy(),
                normals=sample.pred_normal_map.data.movedim(0, 2).numpy(),
            ),
        )


def test_a_checkpoint_alone_predicts_as_with_its_config(tmp_path, saved, inferencer):
    """mmengine's dumped config loses the order of the tasks, in which sums over them add up."""
    checkpoint, config, _ = saved
    path = tmp_path / "config.py"
    config.dump(path)
    with_config = TorchPredictor(checkpoint, str(path), device="cpu")
    # The dumped text is sorted by name; the config that trained was not.
    assert list(with_config.metainfo["tasks"]) == ["depth", "normals", "semseg"]
    assert list(inferencer.metainfo["tasks"]) == ["semseg", "depth", "normals"]
    as_object = TorchPredictor(checkpoint, config, device="cpu")
    for found, same, expected in zip(
        with_config(images()), as_object(images()), inferencer.predictor(images()), strict=True
    ):
        for task, values in expected.items():
            assert np.array_equal(found[task], values) and np.array_equal(same[task], values)
    assert with_config.metainfo == {**inferencer.metainfo, "tasks": with_config.metainfo["tasks"]}


def test_the_distribution_over_bins_has_the_depth_as_its_mean(tmp_path, scene_options, saved):
    heads = {"model.decode_head.task_heads.depth": dict(_delete_=True, **BINS, values="adabins")}
    checkpoint, _, _ = save_run(tmp_path, scene_options, **heads)
    inferencer = MultiTaskInferencer(checkpoint, batch_size=3)
    for size, found in zip(SIZES, inferencer(images(), bins=True), strict=True):
        bins = found.bins["depth"]
        full = bins.full_size()
        assert full.shape == (6, *size) and bins.probabilities.shape[1] < size[0]
        np.testing.assert_allclose(full.sum(0), 1, atol=1e-5)
        mean = np.tensordot(bins.depths, full, 1)
        np.testing.assert_allclose(mean, found.depth, rtol=1e-4)
        assert found.depth.std() > 0.01
    assert inferencer(images()[0])[0].bins == {}
    with pytest.raises(ConfigError, match="No task has bins"):
        MultiTaskInferencer(saved[0])(images()[0], bins=True)
    inferencer.predictor.network.inference_config = InferenceConfig.of(dict(tta={}))
    with pytest.raises(ConfigError, match="mode='whole'"):
        inferencer(images()[0], bins=True)


def test_mixed_precision_is_close(saved):
    exact, mixed = (TorchPredictor(saved[0], amp=amp)(images()[:1])[0] for amp in (False, True))
    assert mixed["depth"].dtype == np.float32
    error = np.abs(mixed["depth"] / exact["depth"] - 1)
    assert error.max() > 0 and np.median(error) < 0.02


def test_contradicting_arguments_are_refused(tmp_path, saved):
    checkpoint, config, _ = saved
    content = torch.load(checkpoint, weights_only=True)
    bare = tmp_path / "bare.pth"
    torch.save(content["state_dict"], bare)
    with pytest.raises(CheckpointError, match=r"carries no config\. Give the CONFIG"):
        TorchPredictor(bare)
    found = TorchPredictor(bare, config)(images())
    assert np.array_equal(found[0]["depth"], TorchPredictor(checkpoint)(images())[0]["depth"])
    with pytest.raises(ConfigError, match=r"(?s)have another shape.*for \(.*--cfg-options"):
        TorchPredictor(checkpoint, os.path.join(ROOT, "configs", "mtl_branched.py"))
    with pytest.raises(ConfigError, match="is a config"):
        MultiTaskInferencer(os.path.join(ROOT, "configs", "mtl_branched.py"))
    with pytest.raises(ConfigError, match="device='nope'"):
        TorchPredictor(checkpoint, device="nope")
    with pytest.raises(ConfigError, match="give the config"):
        TorchPredictor(checkpoint, options=["model.test_cfg.mode=slide"])
    with pytest.raises(ConfigError, match="batch_size=0"):
        MultiTaskInferencer(checkpoint, batch_size=0)


def test_pretrained_weights_are_not_fetched(tmp_path, saved):
    """The checkpoint holds all weights, and the pretrained ones may be unavailable."""
    checkpoint, config, _ = saved
    config = config.copy()
    config.merge_from_dict({"model.backbone.pretrained": "no/such/file.pth"})
    with pytest.raises(FileNotFoundError, match="no weights of test_resnet"):
        MODELS.build(config.model.backbone)
    TorchPredictor(checkpoint, config)
    content = torch.load(checkpoint, weights_only=True)
    text = content["meta"]["cfg"]
    content["meta"]["cfg"] = text.replace("pretrained=False", "pretrained='no/such/file.pth'")
    assert content["meta"]["cfg"] != text
    torch.save(content, tmp_path / "trained.pth")
    TorchPredictor(tmp_path / "trained.pth")


class Payload:
    """An attacker's object: unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_a_checkpoint_that_needs_pickle_is_refused(tmp_path, saved):
    content = torch.load(saved[0], weights_only=True)
    content["meta"]["experiment_name"] = Payload(tmp_path / "harm")
    torch.save(content, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match=r"would need pickle.*trust.*convert"):
        MultiTaskInferencer(tmp_path / "evil.pth")
    assert not (tmp_path / "harm").exists()
    torch.load(tmp_path / "evil.pth", weights_only=False)
    assert (tmp_path / "harm").exists()  # so the file was harmful


HOSTILE = {
    "statement": "import os\nos.mkdir({folder!r})\n",
    "call": "x = __import__('os').mkdir({folder!r})\n",
    "nested call": "x = dict(a=[open({folder!r}, 'w')])\n",
    "import path": "model['backbone'] = dict(type='os.mkdir', path={folder!r})",
    "module name": "model['backbone'] = dict(type='{module}')",
    "scope": "model['backbone']['_scope_'] = '{module}'",
    "scope of a type": "model['backbone']['type'] = '{module}.Net'",
    "custom import": "custom_imports = dict(imports=['mtl_plugins', '{module}'])",
    "transform": "pipeline[:] = [dict(type='{module}.Resize')]",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_checkpoints_config_runs_nothing(tmp_path, saved, case, monkeypatch):
    """Neither its text nor the modules named in it, which mmengine would import."""
    harm = tmp_path / "harm"
    module = "harmful_module_of_the_user"
    (tmp_path / f"{module}.py").write_text(f"import os; os.mkdir({str(harm)!r})")
    monkeypatch.syspath_prepend(str(tmp_path))
    content = torch.load(saved[0], weights_only=True)
    text = content["meta"]["cfg"]
    code = HOSTILE[case].format(folder=str(harm), module=module)
    if code.startswith(("model", "pipeline")):
        config = load_config_text(text)
        pipeline = config["test_dataloader"]["dataset"]["pipeline"]
        exec(code, dict(model=config["model"], pipeline=pipeline))
        code = "\n".join(f"{key} = {value!r}" for key, value in config.items())
        text = ""
    content["meta"]["cfg"] = text + "\n" + code
    torch.save(content, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="Give the CONFIG"):
        MultiTaskInferencer(tmp_path / "evil.pth")
    assert not harm.exists()


def load_config_text(text):
    values: dict = {}
    exec(text, values)
    return {key: value for key, value in values.items() if not key.startswith("__")}


@pytest.mark.parametrize("device", ["meta", "gpu", "cuda:9", "-1", "", "xla"])
def test_devices_that_cannot_be_used_are_refused_in_a_sentence(device):
    if device.startswith("cuda") and torch.cuda.device_count() > 9:
        pytest.skip("this machine has it")
    with pytest.raises(ConfigError, match="cannot be used here") as error:
        checked_device(device)
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [dict(depth_scale=float("inf")), dict(depth_range=(1.0, float("inf")))],
    ids=["scale", "range"],
)
def test_output_of_infinite_distances_is_refused(options, tmp_path):
    with pytest.raises(ConfigError, match="expected"):
        OutputFolder(tmp_path, dict(targets=dict(depth=DEPTH)), **options)
