"""How the maps of a kind without a painter of its own are painted."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import Normalize

from ...targets import DENSE_TARGETS
from .colors import ERROR_COLORMAP, INVALID_COLOR, paint_values
from .rows import Bar, Key, Row, Style, TaskMaps

VALUE_COLORMAP = "cividis"


def paint_any(maps: TaskMaps, style: Style) -> Row:
    """Paint values (of several channels their length) by one colour map, invalid pixels grey.

    Truth and prediction share the colours of the truth's valid range (the prediction's where
    there is no truth). The error is the length of the difference, up to half of that range.
    """
    invalid = DENSE_TARGETS[maps.kind].invalid
    # A predicted value may be that of an invalid pixel without being none.
    parts = [part for part in ("truth", "prediction") if getattr(maps, part) is not None]
    known = dict(zip(parts, maps.known, strict=True))
    valid = {part: np.isfinite(_length(values)) for part, values in known.items()}
    if "truth" in known:
        valid["truth"] &= np.not_equal(known["truth"], invalid).reshape(*maps.shape, -1).any(-1)
    lengths = {part: _length(values) for part, values in known.items()}
    first = next(iter(known))
    low, high = _range(lengths[first][valid[first]], style.depth_percentiles)
    norm = Normalize(low, high, clip=True)
    error_norm = Normalize(0.0, (high - low) / 2, clip=True)
    error, scores = None, ""
    if len(known) == 2:
        counted = valid["truth"] & valid["prediction"]
        errors = np.full(maps.shape, error_norm.vmax)
        errors[counted] = _length(known["prediction"] - known["truth"])[counted]
        error = paint_values(errors, valid["truth"], error_norm, ERROR_COLORMAP)
        scores = f"mean error {errors[counted].mean():.4g}" if counted.any() else "no valid pixel"
    colors = {
        part: paint_values(np.where(seen, lengths[part], low), seen, norm, VALUE_COLORMAP)
        for part, seen in valid.items()
    }
    gaps = [] if all(each.all() for each in valid.values()) else [("invalid", INVALID_COLOR)]
    name = maps.name or maps.kind
    return Row(
        name=name,
        truth=colors.get("truth"),
        prediction=colors.get("prediction"),
        error=error,
        scores=scores,
        key=Key(gaps, Bar(norm, VALUE_COLORMAP, name)),
        error_key=Key((), Bar(error_norm, ERROR_COLORMAP, "|prediction - truth|")),
    )


def _length(values: np.ndarray) -> np.ndarray:
    """Return H,W of H,W or H,W,C."""
    return values if values.ndim == 2 else np.linalg.norm(values, axis=-1)


def _range(values: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return two different numbers, the ends of the colours."""
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, percentiles))
    # A map of one value still needs a scale.
    return low, high if high > low else low + max(abs(low), 1.0) * 0.01
