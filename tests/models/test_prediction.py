"""Whole images, sliding windows and several views, decoded a few rows at a time."""

import pytest
import torch
from torch.nn import functional as F

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.layers import enlarged_rows, resize, resized_rows, source_rows
from mtl_plugins.models.segmentors import prediction
from tests.batches import NUM_CLASSES, TASK_HEADS, batch, model, predict, sample
from tests.pointwise import pointwise_model

SLIDE = dict(mode="slide", crop_size=(32, 32), stride=(16, 24))


@pytest.mark.parametrize("factor", [1, 2, 4, 16])
def test_some_rows_are_those_of_the_whole_map_bit_for_bit(factor):
    maps = torch.randn(2, 3, 7, 5)
    whole = resize(maps, (7 * factor, 5 * factor))
    for start in range(0, 7 * factor, 5):
        rows = range(start, min(start + 5, 7 * factor))
        assert torch.equal(enlarged_rows(maps, factor, rows), whole[:, :, rows.start : rows.stop])


@pytest.mark.parametrize("size", [(13, 9), (5, 20), (7, 5), (40, 3)])
def test_resized_rows_need_only_their_source_rows(size):
    maps = torch.randn(1, 2, 7, 5)
    expected = resize(maps, size)
    found = []
    for start in range(0, size[0], 3):
        rows = range(start, min(start + 3, size[0]))
        held = source_rows(rows, 7, size[0])
        found.append(resized_rows(maps[:, :, held.start : held.stop], held, 7, rows, size))
    torch.testing.assert_close(torch.cat(found, dim=2), expected)


@pytest.mark.parametrize("ori_shape", [(50, 70), (77, 64)])
@pytest.mark.parametrize(
    "test_cfg",
    [dict(), SLIDE, dict(tta=dict(scales=(0.5, 1.0))), dict(SLIDE, tta=dict(merge="max"))],
)
def test_predictions_do_not_depend_on_the_rows_at_a_time(test_cfg, ori_shape, monkeypatch):
    torch.manual_seed(0)
    network = model(test_cfg=test_cfg)
    data = batch((50, 70))
    data["data_samples"][0].set_metainfo(dict(ori_shape=ori_shape))
    found = []
    for values in (1, 2000, 2**30):
        monkeypatch.setitem(prediction.BAND_VALUES, "cpu", values)
        item = data["data_samples"][0].clone()
        found.append(predict(network, dict(inputs=data["inputs"], data_samples=[item]))[0])
    for result in found[1:]:
        assert result.pred_sem_seg.shape == result.pred_depth_map.shape == ori_shape
        assert torch.equal(result.pred_sem_seg.data, found[0].pred_sem_seg.data)
        # exp() rounds differently at the end of a vector register.
        torch.testing.assert_close(
            result.pred_depth_map.data, found[0].pred_depth_map.data, rtol=1e-6, atol=0
        )


def test_labels_are_those_of_the_full_size_logits():
    network = model(test_cfg=dict(keep_raw=True))
    image = torch.randn(1, 3, 60, 90)
    network.eval()
    with torch.no_grad():
        maps = network(image, mode="tensor")
        (result,) = network.predict(image)
    logits = F.interpolate(maps["semseg"], (64, 96), mode="bilinear")[0, :, :60, :90]
    assert torch.equal(result.seg_logits.data, logits)
    assert torch.equal(result.pred_sem_seg.data, logits.argmax(0, keepdim=True))


def test_predictions_do_not_depend_on_the_rest_of_the_batch():
    network = model()
    both = batch((40, 60), (64, 96))
    alone = dict(inputs=both["inputs"][:1], data_samples=[both["data_samples"][0].clone()])
    (expected,) = predict(network, alone)
    found = predict(network, both)[0]
    assert torch.equal(found.pred_sem_seg.data, expected.pred_sem_seg.data)
    assert torch.equal(found.pred_depth_map.data, expected.pred_depth_map.data)


def test_sliding_windows_of_a_pointwise_network_equal_the_whole_image():
    data = batch((50, 70))
    whole = predict(pointwise_model(dict(mode="whole")), data)[0]
    data["data_samples"] = [sample(50, 70)]
    cfg = dict(mode="slide", crop_size=(32, 32), stride=(20, 20))
    slide = predict(pointwise_model(cfg), data)[0]
    assert torch.allclose(whole.pred_depth_map.data, slide.pred_depth_map.data, rtol=1e-4)
    assert torch.equal(whole.pred_sem_seg.data, slide.pred_sem_seg.data)


def test_sliding_windows_average_their_overlap():
    """Against windows cut, run and averaged by hand."""
    torch.manual_seed(4)
    network = model(test_cfg=dict(SLIDE, keep_raw=True)).eval()
    torch.manual_seed(4)
    whole = model(test_cfg=dict(keep_raw=True)).eval()
    image = torch.randn(1, 3, 48, 56)
    total, count = torch.zeros(NUM_CLASSES, 48, 56), torch.zeros(1, 48, 56)
    with torch.no_grad():
        for top in (0, 16):
            for left in (0, 24):
                window = (..., slice(top, top + 32), slice(left, left + 32))
                total[window] += whole.predict(image[window])[0].seg_logits.data
                count[window] += 1
        slid = network.predict(image)[0].seg_logits.data
    assert torch.allclose(slid, total / count, atol=1e-5)


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_flipped_inputs_are_flipped_back(direction):
    network = pointwise_model(dict(mode="whole"))
    image = torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8)
    axes = dict(horizontal=[2], vertical=[1], diagonal=[1, 2])[direction]
    flipped = sample(40, 60)
    flipped.set_metainfo(dict(flip=True, flip_direction=direction))
    plain = predict(network, dict(inputs=[image], data_samples=[sample(40, 60)]))[0]
    back = predict(network, dict(inputs=[image.flip(axes)], data_samples=[flipped]))[0]
    assert torch.equal(plain.pred_sem_seg.data, back.pred_sem_seg.data)
    assert torch.allclose(plain.pred_depth_map.data, back.pred_depth_map.data)


@pytest.mark.parametrize("merge", ["mean", "max"])
def test_views_are_merged_as_by_hand(merge):
    """Probabilities, metres and normals of every scale, mirrored and not, put together by hand."""
    heads = dict(TASK_HEADS, normals=dict(type="NormalsHead"))
    scales = (0.75, 1.0, 1.25)
    tta = dict(scales=scales, flip=True, merge=dict(semseg=merge, depth=merge))
    image = torch.randn(1, 3, 64, 96)
    networks = []
    for test_cfg in (dict(tta=tta), dict(keep_raw=True)):
        torch.manual_seed(6)
        networks.append(model("JointHead", task_heads=heads, test_cfg=test_cfg).eval())
    merging, plain = networks
    seen = dict(semseg=[], depth=[], normals=[])
    with torch.no_grad():
        (found,) = merging.predict(image)
        for scale in scales:
            for flip in (False, True):
                view = resize(image, (round(64 * scale), round(96 * scale)))
                (result,) = plain.predict(view.flip(3) if flip else view)
                raws = [result.get(k).data for k in ("seg_logits", "depth_raw", "normals_raw")]
                if flip:
                    raws = [raw.flip(2) for raw in raws]
                    raws[2] = raws[2] * torch.tensor([-1.0, 1, 1])[:, None, None]
                logits, depth, normals = (resize(raw[None], (64, 96))[0] for raw in raws)
                seen["semseg"].append(logits.softmax(0))
                seen["depth"].append(depth.clamp(-3.3, 6.7).exp().clamp(0.1, 300))
                seen["normals"].append(F.normalize(normals, dim=0))
    put = dict(mean=lambda x: torch.stack(x).mean(0), max=lambda x: torch.stack(x).amax(0))
    probabilities = put[merge](seen["semseg"])
    same = found.pred_sem_seg.data == probabilities.argmax(0, keepdim=True)
    assert same.float().mean() > 0.999
    torch.testing.assert_close(
        found.pred_depth_map.data, put[merge](seen["depth"]), rtol=1e-4, atol=1e-4
    )
    expected = F.normalize(put["mean"](seen["normals"]), dim=0)
    torch.testing.assert_close(found.pred_normal_map.data, expected, rtol=1e-3, atol=1e-4)


def test_mirroring_alone_changes_nothing_for_a_pointwise_network():
    data = batch((40, 60))
    plain = predict(pointwise_model(None), data)[0].clone()
    tta = dict(tta=dict(scales=(1.0,), flip=True))
    both = predict(pointwise_model(tta), data)[0]
    assert torch.equal(plain.pred_sem_seg.data, both.pred_sem_seg.data)
    assert torch.allclose(plain.pred_depth_map.data, both.pred_depth_map.data)


@pytest.mark.parametrize(
    ("test_cfg", "message"),
    [
        (dict(mode="slid"), "'whole' or 'slide'"),
        (dict(mode="slide"), "crop_size"),
        (dict(mode="slide", crop_size=(32, 32), stride=(33, 8)), "gaps"),
        (dict(mod="slide"), r"mod.*keep_raw"),
        (dict(tta=dict(scale=(1.0,))), r"scale.*scales"),
        (dict(tta=dict(scales=(1.0, 0.0))), "above 0"),
        (dict(tta=dict(merge="median")), "'mean' or 'max'"),
        (dict(tta=dict(merge=dict(dept="max"))), r"dept.*semseg"),
        (dict(tta=dict(), keep_raw=True), "no meaning"),
    ],
)
def test_wrong_test_configs_are_refused(test_cfg, message):
    with pytest.raises(ConfigError, match=message):
        model(test_cfg=test_cfg)


def test_the_maximum_of_directions_is_refused():
    heads = dict(TASK_HEADS, normals=dict(type="NormalsHead"))
    with pytest.raises(ConfigError, match=r"normals can be merged by .*mean"):
        model(task_heads=heads, test_cfg=dict(tta=dict(merge="max")))


@pytest.mark.parametrize(
    "test_cfg",
    [dict(), SLIDE, dict(tta=dict(scales=(1.0,), flip=True)), dict(tta=dict(merge="max"))],
)
def test_probabilities_and_confidence_belong_to_the_predictions(test_cfg):
    heads = dict(TASK_HEADS, lanes=dict(target=dict(type="binary")))
    plain = model(test_cfg=test_cfg, task_heads=heads)
    network = model(test_cfg=dict(test_cfg, extras=[*prediction.EXTRAS]), task_heads=heads)
    network.load_state_dict(plain.state_dict())
    data = batch((50, 70))
    (expected,) = predict(plain, data)
    (found,) = predict(network, data)
    assert torch.equal(found.pred_sem_seg.data, expected.pred_sem_seg.data)
    assert "probability_semseg_map" not in expected and "confidence_depth_map" not in found
    shares = found.probability_semseg_map.data
    assert shares.shape == (NUM_CLASSES, 50, 70)
    if test_cfg.get("tta", {}).get("merge") != "max":
        torch.testing.assert_close(shares.sum(0), torch.ones(50, 70))
    assert torch.equal(found.confidence_semseg_map.data, shares.amax(0, keepdim=True))
    assert torch.equal(shares.argmax(0, keepdim=True), found.pred_sem_seg.data)
    one = found.probability_lanes_map.data
    assert torch.equal(one >= 0.5, found.pred_lanes_map.data.bool())
    assert torch.equal(found.confidence_lanes_map.data, torch.maximum(one, 1 - one))


def test_unknown_extras_are_refused():
    with pytest.raises(ConfigError, match=r"extras=\['confidenc'\]"):
        model(test_cfg=dict(extras=["confidenc"]))
