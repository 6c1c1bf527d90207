"""Task heads whose decoding needs the whole map."""

import numpy as np
import pytest
import torch
from torch import nn

from mtl_plugins.inference import ExportedProgramPredictor, ModelInfo, OnnxPredictor
from mtl_plugins.inference.export import check_predictor, save_onnx, save_program
from mtl_plugins.models.segmentors import prediction
from mtl_plugins.models.task_heads import DepthHead
from tests.batches import TASK_HEADS, batch, model, predict

SLIDE = dict(mode="slide", crop_size=(32, 32), stride=(16, 24))


class RelativeHead(DepthHead):
    """Depth relative to the farthest pixel of each image."""

    decode_is_local = False

    def losses_of(self, raw, truth):
        return self._losses_in_spaces(super().decode(raw), raw, truth)

    def decode(self, raw):
        metres = super().decode(raw)
        return metres / metres.amax(dim=(1, 2, 3), keepdim=True)


class CarelessHead(RelativeHead):
    """The same, but does not say so."""

    decode_is_local = True


class Patches(nn.Module):
    """An encoder of one layer."""

    channels, strides = (8,), (8,)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 8, stride=8)

    def forward(self, images):
        return (self.conv(images),)


def network(head=RelativeHead, test_cfg=None, **parts):
    torch.manual_seed(0)
    heads = dict(TASK_HEADS, depth=dict(type=head, initial_depth=10.0))
    net = model("JointHead", task_heads=heads, test_cfg=test_cfg, **parts).eval()
    # Weights that make the maps vary.
    for each in net.decode_head.task_heads.values():
        torch.nn.init.normal_(each.predict.weight, std=0.1)
    return net


def predicted(net, data, monkeypatch, values):
    monkeypatch.setitem(prediction.BAND_VALUES, "cpu", values)
    data = dict(inputs=data["inputs"], data_samples=[each.clone() for each in data["data_samples"]])
    return predict(net, data)[0].pred_depth_map.data


@pytest.mark.parametrize(
    "test_cfg", [dict(), SLIDE, dict(tta=dict(scales=(0.5, 1.0))), dict(SLIDE, tta=dict())]
)
@pytest.mark.parametrize("ori_shape", [(50, 70), (77, 64)])
def test_they_get_whole_maps(test_cfg, ori_shape, monkeypatch):
    data = batch((50, 70))
    data["data_samples"][0].set_metainfo(dict(ori_shape=ori_shape))
    net = network(test_cfg=test_cfg)
    found = [predicted(net, data, monkeypatch, values) for values in (1, 2**30)]
    assert found[0].shape == (1, *ori_shape) and torch.equal(*found)
    if "tta" not in test_cfg:
        assert found[0].amax() == 1
    # A head that does not say so gets bands, which differ here.
    careless = network(CarelessHead, test_cfg)
    assert not torch.equal(predicted(careless, data, monkeypatch, 1), found[0])


def test_a_whole_map_ends_with_the_image_not_with_its_padding(monkeypatch):
    net = network(test_cfg=dict(keep_raw=True))
    data = batch((50, 70))
    (result,) = predict(net, data)
    metres = net.decode_head.task_heads["depth"].codec.decode(result.depth_raw.data)
    assert torch.equal(result.pred_depth_map.data, metres / metres.amax())


@pytest.mark.parametrize(
    ("save", "kind", "name"),
    [(save_onnx, OnnxPredictor, "a.onnx"), (save_program, ExportedProgramPredictor, "a.pt2")],
)
@pytest.mark.slow
def test_exported_files_agree(save, kind, name, tmp_path):
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    # Tracing takes as long as there are layers.
    plain = dict(type="DeepLabDecoder", channels=6, aspp_rates=None, skip_stride=None)
    net = network(backbone=dict(type=Patches), decoder=plain)
    path = str(tmp_path / name)
    save(net, path, ModelInfo.of(net, {}, preprocess=True))
    predictor = kind(path, device="cpu")
    found = list(check_predictor(net, predictor, [(1, 64, 96), (2, 33, 47)]))
    assert len(found) == 4 and all(each.holds for each in found)
    for maps in predictor([np.full((40, 50, 3), 90, np.uint8)]):
        assert maps["depth"].max() == pytest.approx(1, abs=1e-5)
