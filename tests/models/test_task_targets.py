"""The target and the head of each task, from its config."""

import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.task_heads import (
    DepthHead,
    SegmentationHead,
    TaskHead,
    head_config,
    task_targets,
)
from mtl_plugins.targets import DEPTH, NORMALS, SEMSEG, Target
from tests.batches import TARGETS, model, predict, sample_of, step


def given(name):
    """The config of a head, with its target as the parameters of one."""
    return dict(target=dict(TARGETS[name].to_dict(), name=name))


@pytest.mark.parametrize(
    ("target", "config"),
    [
        ("parts", dict(type="SegmentationHead", num_classes=5)),
        ("species", dict(type="SegmentationHead", num_classes=300)),
        ("edges", dict(type="BinaryHead")),
        ("height", dict(type="ScalarHead", range=(-5.0, 50.0))),
        ("heat", dict(type="ScalarHead", range=None)),
        ("depth", dict(type="DepthHead")),
        ("gap", dict(type="DepthHead", codec=dict(type="ExpCodec", min_depth=0.5, max_depth=20.0))),
        ("normals", dict(type="NormalsHead")),
        ("flow", dict(type="OffsetHead")),
    ],
)
def test_the_head_follows_from_the_target(target, config):
    found = head_config({}, TARGETS[target])
    assert found == config
    # What is completed stays as it is: a config is, before its model is built.
    assert head_config(found, TARGETS[target]) == config


def test_a_config_goes_before_the_target():
    height, gap = TARGETS["height"], TARGETS["gap"]
    assert head_config(dict(range=(0, 9)), height) == dict(type="ScalarHead", range=(0, 9))
    assert head_config(dict(range=None), height)["range"] is None
    codec = dict(type="LinearCodec", scale=5.0, max_depth=40.0)
    assert head_config(dict(codec=codec), gap)["codec"] == dict(codec, min_depth=0.5)
    assert head_config(dict(codec=None), gap)["codec"]["max_depth"] == 20
    # Not the default head of a distance, but its range holds for it.
    assert head_config(dict(type="ScalarHead"), gap) == dict(type="ScalarHead", range=(0.5, 20.0))
    bins = head_config(dict(type="AttentionBinsHead", values="adabins"), gap)
    head = MODELS.build(dict(bins, in_channels=4, num_bins=4, channels=8, num_blocks=1))
    _, _, edges = head(torch.rand(1, 4, 8, 8))
    assert edges[0, 0].item() == 0.5 and edges[0, -1].item() == pytest.approx(20)


class NarrowHead(SegmentationHead):
    """A head of someone's own, whose number of classes is not asked for."""

    def __init__(self, in_channels):
        super().__init__(in_channels, 5)


class OldHead(TaskHead):
    """A head as version 0.1 asked for it: with a target, without types."""

    target = NORMALS

    def __init__(self, in_channels, init_cfg=None):
        super().__init__(in_channels, 3, dict(type="CosineLoss"), init_cfg=init_cfg)

    def losses_of(self, raw, truth):
        valid = truth.any(1, keepdim=True)
        return {name: loss(raw, truth, valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw):
        return raw


class OldDepthHead(DepthHead):
    """A head as version 0.1 asked for it: from another one."""


def test_heads_of_others_get_what_they_accept():
    parts = TARGETS["parts"]
    assert head_config(dict(type=NarrowHead), parts) == dict(type=NarrowHead)
    assert head_config(dict(type=OldDepthHead), TARGETS["gap"])["codec"]["min_depth"] == 0.5
    with pytest.raises(ConfigError, match=r"'FCNHead' is no task head .* to get SegmentationHead"):
        head_config(dict(type="FCNHead"), parts)


def test_heads_of_version_0_1_learn_the_target_of_their_class():
    assert (OldHead.types, OldDepthHead.types, TaskHead.types) == (("direction",), ("scalar",), ())
    assert task_targets(dict(surface=dict(type=OldHead)))["surface"] == NORMALS
    heads = dict(surface=dict(type=OldHead), metres=dict(type="DepthHead"))
    network = model("JointHead", task_heads=heads)
    assert network.decode_head.targets() == dict(surface=NORMALS, metres=DEPTH)
    logged = step(network, batch_of("normals", "depth"))
    assert 0 < logged["surface/cosine"] < 2 and logged["metres/silog"] > 0
    [found] = predict(network, batch_of("normals", "depth"))
    assert found.pred_normal_map.shape == (32, 64) and "pred_depth_map" in found


def batch_of(*names):
    torch.manual_seed(3)
    image = torch.randint(0, 256, (3, 32, 64), dtype=torch.uint8)
    return dict(inputs=[image], data_samples=[sample_of([TARGETS[n] for n in names], 32, 64)])


@pytest.mark.parametrize("arrangement", ["JointHead", "BranchedHead", "DistillationHead"])
def test_a_target_of_every_type_in_one_network(arrangement):
    names = list(TARGETS)
    heads = {name: given(name) for name in names}
    network = model(arrangement, task_heads=heads)
    assert network.decode_head.targets() == TARGETS
    logged = step(network, batch_of(*names))
    for name in names:
        assert any(key.startswith(f"{name}/") and value > 0 for key, value in logged.items())
    assert all(value.isfinite() for value in logged.values())
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    # Truths that are all invalid have no loss.
    nothing = batch_of(*names)
    for target in TARGETS.values():
        nothing["data_samples"][0].get(target.truth).data[:] = target.invalid
    assert step(network, nothing)["loss"] == 0
    [found] = predict(network, batch_of(*names))
    assert found.metainfo["predicted"] == list(TARGETS.values())
    for target in TARGETS.values():
        prediction = found.get(target.prediction).data
        assert prediction.shape == (target.channels, 32, 64)
        assert prediction.isfinite().all() and target.known_pixels(prediction).all()


@pytest.mark.parametrize("order", [("parts", "coarse"), ("coarse", "parts")])
def test_two_heads_learn_one_target(order):
    """Both get the same truth; each has its own losses and predictions."""
    heads = dict(parts=given("parts"), coarse=dict(given("parts"), dropout=0.1))
    network = model("JointHead", task_heads={task: heads[task] for task in order})
    targets = network.decode_head.targets()
    assert targets["parts"] == TARGETS["parts"]
    assert targets["coarse"].name == "coarse" and targets["coarse"].truth == "gt_parts_map"
    assert targets["coarse"].prediction == "pred_coarse_map"
    assert targets["coarse"].classes == TARGETS["parts"].classes
    [raw] = [torch.randn(1, 5, 32, 64)]
    data = batch_of("parts")["data_samples"]
    both = network.decode_head.batch_losses(dict.fromkeys(order, raw), data, (32, 64))
    assert list(both) == [f"{task}/ce" for task in order]
    assert both["parts/ce"] == both["coarse/ce"] > 0
    logged = step(network, batch_of("parts"))
    assert logged["parts/ce"] != logged["coarse/ce"]
    [found] = predict(network, batch_of("parts"))
    assert not torch.equal(found.pred_parts_map.data, found.pred_coarse_map.data)
    assert [target.name for target in found.metainfo["predicted"]] == list(order)


def test_a_second_task_of_a_predefined_target():
    found = task_targets(dict(sketch=dict(target="semseg"), other=dict(target="semseg")))
    assert found["sketch"] == SEMSEG and found["other"].prediction == "pred_other_map"
    assert found["other"].array == "gt_seg_map"


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (dict(lanes={}), "learns the target 'lanes', which no data set declares"),
        (dict(semsge={}), "Did you mean semseg"),
        (dict(lanes=dict(target="depht")), r"task_heads.lanes .*'depht'.* Did you mean depth"),
        (dict(lanes=dict(target=dict(classes=("a",)))), "targets.lanes has no type"),
        (dict(depth=dict(target=dict(type="binary"))), "'depth' is predefined with the type"),
        (
            dict(semseg={}, depth=dict(target="semseg"), far=dict(target="depth")),
            "task_heads.depth learns 'semseg', but its prediction would be 'pred_depth_map'",
        ),
    ],
)
def test_tasks_without_a_target_are_refused(heads, message):
    with pytest.raises(ConfigError, match=message):
        task_targets(heads)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (
            dict(depth=dict(type="NormalsHead")),
            r"NormalsHead learns .*\['direction'\], but 'depth'",
        ),
        (
            dict(height=dict(given("height"), type="DepthHead")),
            "DepthHead learns distances.*Scalar",
        ),
        (dict(edges=dict(given("edges"), type="SegmentationHead", num_classes=2)), "type 'binary'"),
        (dict(semseg={}), "SegmentationHead: num_classes is missing"),
    ],
)
def test_heads_that_do_not_fit_their_target_are_refused(heads, message):
    with pytest.raises(ConfigError, match=message):
        model("JointHead", task_heads=heads)


def test_a_task_whose_name_can_be_no_target_is_refused():
    with pytest.raises(ConfigError, match="multitask"):
        task_targets(dict(semseg={}, multitask=dict(target="semseg")))


def test_the_mirrored_image_of_a_flow_network_has_the_mirrored_flow():
    """Test-time flips and sizes: every view of a pointwise network says the same in pixels."""
    heads = dict(flow=given("flow"))
    network = model(
        "JointHead", task_heads=heads, test_cfg=dict(tta=dict(scales=(0.5,), flip=True))
    )
    head = network.decode_head.task_heads["flow"]
    torch.nn.init.zeros_(head.predict.weight)
    head.predict.bias.data = torch.tensor([4.0, 2.0])
    data = batch_of("flow")
    data["data_samples"][0].set_metainfo(dict(ori_shape=(32, 128)))
    [found] = predict(network, data)
    # Half the size: 4 pixels are 8 of the image, 16 of the original, which is twice as wide; the
    # mirrored view says -16. Up and down nothing is mirrored: 2 are 4.
    x, y = found.pred_flow_map.data
    assert x.abs().max() < 1e-4 and torch.allclose(y, torch.tensor(4.0))


def test_the_range_of_a_target_bounds_every_prediction():
    far, names = Target("gap", "scalar", distance=True, range=(0.5, 20.0)), ("gap", "height")
    network = model("JointHead", task_heads={name: given(name) for name in names})
    for name, head in network.decode_head.tasks():
        head.predict.bias.data.fill_(1e4 if name == "gap" else -1e4)
    [found] = predict(network, batch_of(*names))
    assert torch.allclose(found.pred_gap_map.data, torch.tensor(20.0))
    assert (found.pred_height_map.data == -5).all()
    assert network.decode_head.targets()["gap"] == far
