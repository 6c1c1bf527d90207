from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from PIL import Image

import mtl_plugins  # noqa: F401  prepares the stack that mmseg needs
from mtl_plugins.engine.hooks import PanelHook
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.targets import Target
from mtl_plugins.visualization import INVALID_COLOR

META = {"classes": ("road", "car"), "palette": [[9, 9, 9], [0, 99, 0]]}


class Images(list):
    """A data set: items, and metainfo as an attribute."""


class Visualizer:
    def __init__(self):
        self.added = []

    def add_image(self, name, image, step):
        self.added.append((name, image, step))


def make_runner(work_dir, size, iteration=7, **meta):
    images = Images(range(size))
    images.metainfo = {**META, **meta}
    loader = SimpleNamespace(dataset=images)
    loop = SimpleNamespace(dataloader=loader)
    return SimpleNamespace(
        work_dir=str(work_dir),
        iter=iteration,
        val_loop=loop,
        test_loop=loop,
        visualizer=Visualizer(),
    )


def make_sample(folder, name, truth=True):
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((30, 40, 3), (250, 5, 120), np.uint8)).save(path)
    sample = SegDataSample(metainfo={"img_path": str(path)})
    depth = torch.ones(1, 20, 40)
    labels = torch.ones(1, 20, 40, dtype=torch.int64)
    maps = {"pred_sem_seg": labels, "pred_depth_map": depth}
    if truth:
        maps |= {"gt_sem_seg": labels, "gt_depth_map": torch.zeros_like(depth)}
    sample.set_data({key: PixelData(data=data) for key, data in maps.items()})
    return sample


def validate(hook, runner, samples, batch=3, kind="val"):
    getattr(hook, f"before_{kind}_epoch")(runner)
    for start in range(0, len(samples), batch):
        outputs = samples[start : start + batch]
        getattr(hook, f"after_{kind}_iter")(runner, start // batch, None, outputs)


def test_draws_the_same_evenly_spread_images_every_time(tmp_path):
    samples = [make_sample(tmp_path / "images", f"street_{i}") for i in range(8)]
    hook = HOOKS.build({"type": "PanelHook", "num_images": 2})
    assert isinstance(hook, PanelHook)
    for iteration, batch in ((7, 3), (14, 1)):
        runner = make_runner(tmp_path, len(samples), iteration)
        validate(hook, runner, samples, batch)
        written = sorted(p.name for p in (tmp_path / "panels" / f"iter_{iteration}").iterdir())
        assert written == ["street_2.png", "street_6.png"]
        names, panels, steps = zip(*runner.visualizer.added, strict=True)
        assert names == ("panel_street_2", "panel_street_6")
        assert steps == (iteration, iteration)
        picture = np.array(Image.open(tmp_path / "panels" / f"iter_{iteration}" / written[0]))
        assert (picture == panels[0]).all()
        # The file's own red, as RGB; the class; the depth that was not measured.
        for color in ((250, 5, 120), (0, 99, 0), INVALID_COLOR):
            assert (picture == color).all(-1).mean() > 0.02, color


def test_a_test_has_its_own_folder_and_may_lack_truth(tmp_path):
    samples = [make_sample(tmp_path / "images", "a", truth=False)]
    runner = make_runner(tmp_path, 1)
    validate(PanelHook(num_images=5), runner, samples, kind="test")
    assert [p.name for p in (tmp_path / "panels" / "test").iterdir()] == ["a.png"]


def test_packed_data_goes_without_its_files(tmp_path):
    sample = make_sample(tmp_path / "images", "a")
    (tmp_path / "images" / "a.png").unlink()
    runner, hook = make_runner(tmp_path, 1), PanelHook()
    with pytest.raises(DataError, match="does not exist"):
        validate(hook, runner, [sample])
    hook.before_val_epoch(runner)
    blue_green_red = torch.tensor([120, 5, 250], dtype=torch.uint8).view(3, 1, 1).expand(3, 20, 40)
    hook.after_val_iter(runner, 0, {"inputs": [blue_green_red]}, [sample])
    picture = np.array(Image.open(tmp_path / "panels" / "iter_7" / "a.png"))
    assert (picture == (250, 5, 120)).all(-1).mean() > 0.02


def test_equal_names_do_not_overwrite_each_other(tmp_path):
    samples = [make_sample(tmp_path / city, "rgb") for city in ("ulm", "bonn")]
    validate(PanelHook(), make_runner(tmp_path, 2), samples)
    written = sorted(p.name for p in (tmp_path / "panels" / "iter_7").iterdir())
    assert written == ["rgb.png", "rgb_1.png"]


def test_targets_are_described_by_the_data_set(tmp_path, monkeypatch):
    seen = {}

    def draw(image, maps, **style):
        seen.update(style, targets=[each.target for each in maps])
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr("mtl_plugins.engine.hooks.panel_hook.draw_panel", draw)
    sample = make_sample(tmp_path, "a")
    runner = make_runner(tmp_path, 1, palette=None, depth_unit="relative")
    validate(PanelHook(depth_log=True), runner, [sample])
    assert seen["depth_log"] and seen["title"] == "a"
    assert [each.classes for each in seen["targets"]] == [META["classes"], ()]
    assert seen["targets"][1].unit == "relative"
    lanes = Target("lanes", "classes", classes=("none", "solid"))
    sample.set_data({"pred_lanes_map": PixelData(data=torch.zeros(1, 20, 40))})
    sample.set_metainfo(dict(predicted=[Target("lanes", "classes")]))
    runner = make_runner(tmp_path, 1, targets=dict(lanes=lanes.to_dict()))
    validate(PanelHook(), runner, [sample])
    assert seen["targets"] == [lanes]


def test_unknown_options_are_refused():
    with pytest.raises(ConfigError, match=r"no argument 'depth_logg'.*depth_log"):
        PanelHook(depth_logg=True)


class Perfect(BaseModel):
    """Gives back the samples, which hold their predictions already."""

    def forward(self, inputs, data_samples, mode):
        return data_samples


def test_draws_and_measures_in_mmengines_runner(tmp_path):
    images = Images(
        {"inputs": torch.zeros(1), "data_samples": make_sample(tmp_path / "images", f"street_{i}")}
        for i in range(5)
    )
    images.metainfo = META
    runner = Runner(
        model=Perfect(),
        work_dir=str(tmp_path / "work"),
        val_dataloader={
            "dataset": images,
            "batch_size": 2,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "collate_fn": {"type": "pseudo_collate"},
        },
        val_cfg={},
        val_evaluator={"type": "MultiTaskMetric"},
        custom_hooks=[{"type": "PanelHook", "num_images": 2}],
        default_scope="mmseg",
        experiment_name="panels",
    )
    scores = runner.val()
    assert scores["semseg/mIoU"] == 100
    assert scores["depth/images_without_depth"] == 5
    panels = tmp_path / "work" / "panels" / "iter_0"
    assert sorted(p.name for p in panels.iterdir()) == ["street_1.png", "street_3.png"]
    # The default visualizer keeps a copy beside its logs.
    assert len(list((tmp_path / "work").rglob("panel_street_*.png"))) == 2


def test_only_the_first_process_draws(tmp_path, monkeypatch):
    samples = [make_sample(tmp_path / "images", f"street_{i}") for i in range(4)]
    runner = make_runner(tmp_path, 8)
    where = "mtl_plugins.engine.hooks.panel_hook.get_dist_info"
    monkeypatch.setattr(where, lambda: (1, 2))
    validate(PanelHook(num_images=2), runner, samples)
    assert runner.visualizer.added == []
    monkeypatch.setattr(where, lambda: (0, 2))
    validate(PanelHook(num_images=2), runner, samples)
    assert [name for name, _, _ in runner.visualizer.added] == ["panel_street_1", "panel_street_3"]


def test_no_image_and_refusals(tmp_path):
    sample = make_sample(tmp_path, "a")
    runner = make_runner(tmp_path, 1)
    validate(PanelHook(num_images=0), runner, [sample])
    assert not (tmp_path / "panels").exists()
    with pytest.raises(ValueError, match="num_images=-1"):
        PanelHook(num_images=-1)
    sample.set_metainfo({"img_path": None})
    with pytest.raises(ValueError, match="img_path"):
        validate(PanelHook(), runner, [sample])
