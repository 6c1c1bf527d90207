"""Files, a config and a network with targets of every type, for tests of predictions."""

from __future__ import annotations

import numpy as np
import torch
from dev.export_matrix import randomise
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins import build
from mtl_plugins.config import final_config
from mtl_plugins.inference.export import random_image

SIZE, COUNT = (48, 80), 3
LANES = dict(classes=("none", "solid", "dashed"), palette=((9, 9, 9), (250, 250, 0), (0, 250, 250)))
TARGETS = dict(
    semseg=dict(folder="label", classes=("road", "car"), label_map={0: 255, 7: 0, 26: 1}),
    depth=dict(folder="depth", scale=0.01),
    normals=dict(folder="normals"),
    lanes=dict(type="classes", folder="lanes", **LANES),
    edges=dict(type="binary", folder="edges", label_map={0: 0, 255: 1}),
    height=dict(type="scalar", folder="height", suffix=".npy", unit="m", range=(-5.0, 50.0)),
    warmth=dict(type="scalar", folder="warmth", scale=0.05, offset=-100, invalid=(0,), unit="K"),
    flow=dict(type="offset", folder="flow", suffix=".npy"),
)
PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets"), dict(type="PackTargets")]


def write_files(root):
    """Write images with the truth of every target."""
    rng = np.random.default_rng(0)

    def draw(*values, dtype=np.uint8):
        coarse = rng.choice(np.array(values, dtype), (SIZE[0] // 8, SIZE[1] // 8))
        return coarse.repeat(8, 0).repeat(8, 1)

    for index in range(COUNT):
        files = dict(
            rgb=random_image(rng, *SIZE),
            label=draw(0, 7, 26),
            depth=draw(0, 400, 2500, dtype=np.uint16),
            normals=np.stack([draw(128), draw(128), draw(0)], axis=-1),
            lanes=draw(0, 1, 2, 255),
            edges=draw(0, 255),
            height=draw(-2.5, 7, np.nan, dtype=np.float32),
            warmth=draw(0, 2000, 3000, dtype=np.uint16),
            flow=np.stack([draw(-3, np.nan, dtype=np.float32)] * 2, axis=-1),
        )
        for folder, values in files.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            path = root / folder / f"{index}.png"
            if values.dtype == np.float32:
                np.save(path.with_suffix(".npy"), values)
            else:
                Image.fromarray(values).save(path)


def dataset(root, images="rgb", **options):
    return dict(
        type="MultiTaskDataset",
        data_root=str(root),
        data_prefix=dict(img_path=str(images)),
        img_suffix=".png",
        **{"targets": TARGETS, **options},
        pipeline=PIPELINE,
        test_mode=True,
    )


def config(source, folder=""):
    """Return a config with a task for every target, and a second one for depth, `far`.

    Its tests write each sample to `<folder>/results.pkl`.
    """
    heads = {task: {} for task in TARGETS}
    heads["far"] = dict(target="depth")
    decoder = dict(type="DeepLabDecoder", channels=8, skip_channels=4, aspp_rates=(3,))
    return Config(
        dict(
            default_scope="mmseg",
            model=dict(
                type="MultiTaskSegmentor",
                data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
                backbone=dict(type="TimmEncoder", model_name="test_resnet"),
                decode_head=dict(type="JointHead", decoder=decoder, task_heads=heads),
                test_cfg=dict(mode="whole"),
            ),
            test_dataloader=dict(
                batch_size=2,
                num_workers=0,
                sampler=dict(type="DefaultSampler", shuffle=False),
                dataset=source,
            ),
            test_evaluator=dict(type="DumpResults", out_file_path=f"{folder}/results.pkl"),
            test_cfg=dict(type="TestLoop"),
            visualizer=dict(type="Visualizer"),
        )
    )


def save_checkpoint(given, path, **weights):
    """Write a checkpoint as a run does, with the completed config and the data set's targets.

    Args:
        weights: value for all weights of the last layer of a task.
    """
    torch.manual_seed(0)
    network = build(given)
    randomise(network)
    for task, value in weights.items():
        for parameter in network.decode_head.task_heads[task].predict.parameters():
            torch.nn.init.constant_(parameter, value)
    meta = dict(
        cfg=final_config(given).pretty_text,
        dataset_meta=DATASETS.build(given.test_dataloader.dataset).metainfo,
    )
    torch.save(dict(state_dict=network.state_dict(), meta=meta), path)
    return str(path)
