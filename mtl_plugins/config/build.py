"""A network from a config, for use in code of one's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..checkpoints import build_network, load_checkpoint, load_weights
from ..errors import ConfigError
from ..models.segmentors import MultiTaskSegmentor
from .check import check_config
from .loading import as_config


def build(
    config: Config | Mapping[str, Any] | str | os.PathLike[str],
    checkpoint: str | os.PathLike[str] | None = None,
    pretrained: bool = True,
    options: Sequence[str] = (),
) -> MultiTaskSegmentor:
    """Build the network of a config, in evaluation mode on the CPU.

    Args:
        config: a config file, a config as from `load_config`, or its values: of a whole config, or
            of its `model` alone.
        checkpoint: whose weights are loaded; pretrained ones are not fetched then.
        pretrained: whether the weights that the config names are loaded, which may fetch them.
        options: `dotted.key=value` laid over the config, as in `load_config`.

    Returns:
        The network. `network.test_step(dict(inputs=images))` predicts images, 3,H,W uint8 BGR of
        any sizes; `network.decode_head.tasks()` names its tasks.

    Raises:
        ConfigError: the config has no model of this toolkit, or the weights are of another one.
        CheckpointError: the checkpoint is damaged or would need pickle.

    >>> small = ["model.backbone.model_name=test_resnet"]
    >>> network = build("configs/mtl_branched.py", options=small)
    >>> [task for task, head in network.decode_head.tasks()]
    ['semseg', 'depth']
    """
    if isinstance(config, Mapping) and "model" not in config:
        config = dict(model=dict(config))
    found = as_config(config, options)
    check_config(found)
    if not found.get("model"):
        raise ConfigError(f"{found.filename} has no model.")
    init_default_scope(found.get("default_scope", "mmseg"))
    fetched = pretrained and checkpoint is None
    network = build_network(found.model.to_dict(), f"the config {found.filename}", fetched)
    if checkpoint is not None:
        load_weights(network, load_checkpoint(checkpoint), str(checkpoint))
    elif fetched and any(getattr(module, "init_cfg", None) for module in network.modules()):
        # As before a training; mmengine logs every weight of it.
        network.init_weights()
    return network.eval()
