"""Any image that timm's models can take, they take: of any size, of multiples, or of one size."""

import pytest
import timm
import torch
from torch.nn import functional as F

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.encoders import TimmEncoder
from mtl_plugins.models.encoders.timm_sizes import Sizes
from tests.batches import batch, gradients, model, predict, step

MECHANISMS = {
    "test_resnet": None,  # any size
    "test_vit": None,  # any size by an option
    "xcit_nano_12_p8_224": None,  # declared as of one size, takes any
    "halonet_h1": (256, 256),  # multiples of blocks of 8 cells
    "coat_tiny": (224, 224),  # one size
    "levit_128s": (224, 224),  # one size, which is no whole number of strides
    "pit_ti_224": (224, 224),  # one size, unpadded convolution
    "convit_tiny": (224, 224),  # one size, a square
    "xception": None,  # any size, unpadded convolutions
}
"""What images of up to 192 pixels are padded to."""


@pytest.fixture(scope="module", params=MECHANISMS)
def encoder(request):
    return TimmEncoder(request.param).eval()


def test_every_level_covers_the_image(encoder):
    height, width = size = (64, 192)
    images = torch.rand(1, 3, *size)
    larger = MECHANISMS[encoder.model_name] or size
    with torch.no_grad():
        levels = encoder(images)
        own = encoder.model(F.pad(images, (0, larger[1] - width, 0, larger[0] - height)))
    assert len(levels) == len(own) <= 4
    for index, (level, each) in enumerate(zip(levels, own, strict=True)):
        stride = encoder.strides[index]
        assert level.shape == (1, encoder.channels[index], height // stride, width // stride)
        if not encoder._sizes.lost[index]:
            assert torch.equal(level, each[:, :, : level.shape[2], : level.shape[3]])
        assert torch.isfinite(level).all()


@pytest.mark.parametrize("name", ["levit_128s", "pit_ti_224"])
def test_gradients_are_finite_and_odd_images_are_predicted(name):
    network = model(backbone=dict(type="TimmEncoder", model_name=name))
    assert torch.isfinite(step(network, batch((96, 128), (64, 96)))["loss"])
    assert all(torch.isfinite(grad).all() for grad in gradients(network).values())
    data = batch((100, 140), (64, 96))
    for result, image in zip(predict(network, data), data["inputs"], strict=True):
        assert result.pred_depth_map.data.shape[1:] == image.shape[1:]


@pytest.mark.parametrize("lost", [0, 1, 2, 3, 4])
def test_levels_of_unpadded_convolutions_are_centred(lost):
    # Each cell holds the position of its centre in pixels: x = 4 * (i + 0.5 + lost / 2).
    cells = 10
    centres = 4 * (torch.arange(cells - lost) + 0.5 + lost / 2)
    level = centres.expand(1, 1, cells - lost, -1)
    row = Sizes((4,), (lost,)).crop(level, 0, 4 * cells, 4 * cells)[0, 0, 5]
    inside = slice((lost + 1) // 2, cells - (lost + 1) // 2)
    assert row.shape == (cells,)
    assert torch.allclose(row[inside], 4 * (torch.arange(cells) + 0.5)[inside])
    # Cells at the edges have the value of the outermost ones.
    assert row.min() >= centres[0] and row.max() <= centres[-1]


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        (
            "coat_tiny",
            (224, 256),
            r"at most 224x224 pixels and got 224x256\. Train on smaller crops",
        ),
        (
            "levit_128s",
            (64, 256),
            r"at most 192x192 pixels and got 64x256\. Train on smaller crops",
        ),
        ("efficientformer_l1", (256, 256), r"got 256x256. It cannot be built for larger ones"),
    ],
)
def test_an_image_larger_than_the_one_size_is_refused(name, size, message):
    with pytest.raises(ConfigError, match=message):
        TimmEncoder(name)(torch.rand(1, 3, *size))


def test_one_size_for_training_and_validation():
    network = model(backbone=dict(type="TimmEncoder", model_name="pit_ti_224", img_size=(90, 120)))
    assert network.backbone.largest_size == (96, 128)  # whole strides
    step(network, batch((64, 64)))
    assert predict(network, batch((90, 128)))[0].pred_depth_map.data.shape == (1, 90, 128)
    # Larger images are predicted in windows, but crops of the training must fit.
    assert predict(network, batch((97, 200)))[0].pred_depth_map.data.shape == (1, 97, 200)
    with pytest.raises(ConfigError, match=r"at most 96x128 pixels and got 128x96"):
        step(network, batch((97, 90)))


def test_a_model_of_squares_is_built_for_the_square_around_the_size():
    encoder = TimmEncoder("convit_tiny", img_size=(64, 96)).eval()
    assert encoder.largest_size == (96, 96)
    with torch.no_grad():
        assert encoder(torch.rand(1, 3, 64, 96))[0].shape[2:] == (4, 6)


def test_trials_leave_random_numbers_alone():
    torch.manual_seed(0)
    encoder = TimmEncoder("test_vit", out_indices=(0, 1))
    torch.manual_seed(0)
    own = timm.create_model("test_vit", features_only=True, out_indices=(0, 1))
    for key, value in own.state_dict().items():
        assert torch.equal(value, encoder.model.state_dict()[key])


@pytest.mark.parametrize("prefix", ["", "timm/", "hf-hub:timm/", "hf_hub:timm/"])
def test_names_of_timms_own_repositories(prefix):
    assert TimmEncoder(f"{prefix}test_resnet.r160_in1k").model_name == "test_resnet.r160_in1k"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(model_name=None), r"model_name=None; expected a name"),
        (dict(model_name="hf-hub:some/model"), r"no model of timm's registry.*pretrained"),
        (dict(model_name="local-dir:/some/model"), r"no model of timm's registry.*pretrained"),
        (dict(model_name="resnet18.a9_in1k"), r"no tag 'a9_in1k'. Did you mean .*a1_in1k"),
        (dict(out_indices=(1, 7)), r"out_indices=\(1, 7\); resnet18 has the levels 0 to 4 with"),
        (dict(out_indices=(3, 1)), r"ascending"),
        (dict(out_indices=(1, 1)), r"ascending"),
        (dict(out_indices=()), r"ascending"),
        (dict(out_indices="all"), r"ascending"),
        (dict(model_args=dict(depht=3)), r"depht=3.*unexpected keyword argument 'depht'"),
        (dict(model_args=dict(out_indices=(1,))), r"model_args holds out_indices"),
        (dict(model_args=dict(features_only=False)), r"model_args holds features_only"),
        (dict(img_size=64), r"img_size=\(64, 64\).*Change or leave out"),
        (dict(img_size="64x64"), r"img_size='64x64'; expected \(height, width\)"),
        (dict(img_size=(64, 64, 3)), r"expected \(height, width\)"),
        (dict(model_name="convit_tiny", with_cp=True), r"leave with_cp out"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        TimmEncoder(**{"model_name": "resnet18", **options})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        dict(out_indices=[1, 2]),
        dict(out_indices=(-2, -1)),
        dict(model_args=dict(drop_path_rate=0.1)),
        dict(in_channels=4),
        dict(with_cp=True),
        dict(model_name="test_vit", with_cp=True),
    ],
)
def test_options_reach_the_model(options):
    encoder = TimmEncoder(**{"model_name": "test_resnet", **options})
    channels = options.get("in_channels", 3)
    levels = encoder(torch.rand(2, channels, 64, 96))
    assert [level.shape[1] for level in levels] == list(encoder.channels)
    sum(level.mean() for level in levels).backward()
    first = next(encoder.parameters())
    assert first.grad is not None and torch.isfinite(first.grad).all()
