"""Choice of the pyramid levels that a decoder uses."""

from collections.abc import Sequence

from ...errors import ConfigError


def distinct_levels(strides: Sequence[float], finest_stride: float = 1) -> list[int]:
    """Return the deepest level of each distinct stride, finest first.

    Dilated encoders repeat their last stride, and plain transformers have a single stride.

    Args:
        strides: of all levels, ascending.
        finest_stride: finer levels are left out.

    Raises:
        ConfigError: every level is finer than `finest_stride`.

    >>> distinct_levels((2, 4, 8, 16, 16), finest_stride=4)
    [1, 2, 4]
    """
    deepest = {stride: level for level, stride in enumerate(strides) if stride >= finest_stride}
    if not deepest:
        raise ConfigError(
            f"finest_stride={finest_stride} leaves no level of an encoder with strides "
            f"{tuple(strides)}; choose at most {max(strides)}."
        )
    return list(deepest.values())


def nearest_level(strides: Sequence[float], stride: float) -> int:
    """Return the level nearest to a stride, the shallowest of equally near ones.

    >>> nearest_level((4, 8, 16, 16), 16), nearest_level((4, 8, 16, 16), 2)
    (2, 0)
    """
    return min(range(len(strides)), key=lambda level: abs(strides[level] - stride))
