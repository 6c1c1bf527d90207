"""Fetch weights for timm's models, and check that they arrive."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
from huggingface_hub import constants as hub
from timm.models import _builder
from torch import nn

from ...errors import WeightsError
from ...utils import Loading, counts, watched

PATIENCE = 5
"""Seconds after which the hub counts as unreachable."""

REMEDY = "Check network or file, give the path of a local file as pretrained, or pretrained=False."


def create_pretrained(name: str, args: dict[str, Any]) -> Any:
    """Create a timm model as a feature extractor, with all its weights.

    Args:
        args: arguments of `timm.create_model` with which it builds the model without weights, and
            `pretrained=True`. With arguments that
            change the architecture (`block_args`, ...) some weights may be missing, and are named
            in the log.

    Raises:
        WeightsError: the weights could not be fetched, or are not those of the model.
    """
    file = args.get("pretrained_cfg_overlay", {}).get("file")
    source = file or "the hub"
    with _loadings() as loadings, _offline_if_unreachable(file is None) as problem:
        try:
            model = timm.create_model(name, features_only=True, **args)
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
            if "weights_only" in reason:
                reason = "it holds a whole model or other objects; save its state_dict() alone"
            raise WeightsError(
                f"TimmEncoder: the weights of {name} could not be loaded from {source}: "
                f"{problem or reason}. {REMEDY}"
            ) from error
    used = {id(value): key for key, value in model.state_dict(keep_vars=True).items()}
    for whole, loading in loadings:
        _keep(loading, used, whole)
        if not loading.lost:
            continue
        if not loading.arrived or not _adapted(args):
            raise WeightsError(
                f"TimmEncoder: {loading.arrived} of {loading.total} weights of {name} are in "
                f"{source}. {loading.problems} Give a file of this model in timm's layout, whose "
                "names are the same, or pretrained=False."
            )
        loading.report(source, name)
    return model


def _keep(loading: Loading, used: dict[int, str], whole: nn.Module) -> None:
    """Leave parts out that timm has cut off the model, such as the classifier."""
    weights = whole.state_dict(keep_vars=True)
    kept = {key for key, value in weights.items() if id(value) in used}
    loading.total = sum(counts(key) for key in kept)
    loading.missing = [key for key in loading.missing if key in kept]
    loading.shapes = {key: text for key, text in loading.shapes.items() if key in kept}


def _adapted(args: dict[str, Any]) -> bool:
    known = {"pretrained", "pretrained_cfg_overlay", "out_indices", "output_stride", "img_size"}
    return bool({*args} - known - {"dynamic_img_size", "in_chans"})


@contextmanager
def _loadings() -> Iterator[list[tuple[nn.Module, Loading]]]:
    """Collect what timm loads into the models that it builds; it loads leniently and says little.

    timm cuts the model afterwards, and only the function that loads sees it whole.
    """
    found: list[tuple[nn.Module, Loading]] = []
    load = _builder.load_pretrained

    def load_watched(model: nn.Module, *args: Any, **kwargs: Any) -> None:
        with watched(model) as loading:
            load(model, *args, **kwargs)
        if loading.done:  # NumPy files are not loaded by names
            found.append((model, loading))

    _builder.load_pretrained = load_watched
    try:
        yield found
    finally:
        _builder.load_pretrained = load


@contextmanager
def _offline_if_unreachable(needed: bool) -> Iterator[str]:
    """Let the hub look into its cache alone without a network; it would try for most of a minute.

    Yields:
        A sentence that says so, else nothing.
    """
    host = urlsplit(hub.ENDPOINT)
    port = host.port or (80 if host.scheme == "http" else 443)
    if not needed or hub.HF_HUB_OFFLINE or getproxies():
        yield ""
        return
    try:
        socket.create_connection((host.hostname or "", port), PATIENCE).close()
    except OSError as error:
        hub.HF_HUB_OFFLINE = True
        try:
            reason = error.strerror or error
            yield f"{host.hostname} cannot be reached ({reason}), and its cache does not have them"
        finally:
            hub.HF_HUB_OFFLINE = False
    else:
        yield ""
