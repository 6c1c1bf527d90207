"""What optics and sensor do to the radiance."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Lens:
    """Photographic rendition: ``gain`` per BGR channel, and strengths of the defects.

    ``blur`` is a standard deviation in thousandths of the image width; ``noise`` one in grey
    levels; ``vignette`` the loss of light in the corners.
    """

    gain: tuple[float, float, float]
    blur: float
    noise: float
    vignette: float
    contrast: float


def draw_lens(rng: np.random.Generator) -> Lens:
    """Draw exposure, white balance and defects."""
    exposure = np.exp(rng.normal(0, 0.22))
    gain = tuple(exposure * np.exp(rng.normal(0, 0.06, 3)))
    return Lens(
        gain,
        rng.uniform(0, 1.6),
        rng.uniform(0.5, 5.0),
        rng.uniform(0, 0.35),
        rng.uniform(0.85, 1.15),
    )


def expose(radiance: np.ndarray, lens: Lens, rng: np.random.Generator) -> np.ndarray:
    """Return the H,W,3 8-bit BGR image of H,2W,3 radiance samples."""
    # The tent is centred on the pixel centres, which are the even samples.
    tent = np.array([0.25, 0.5, 0.25], np.float32)
    radiance = np.minimum(radiance, 2.0)
    soft = np.array([0.12, 0.76, 0.12], np.float32)
    image = cv2.sepFilter2D(radiance, -1, tent, soft)[:, ::2]
    height, width = image.shape[:2]
    sigma = lens.blur * 1e-3 * width
    if sigma > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32) ** 2
    falloff = 1 - lens.vignette * 0.5 * (x + y)
    image = image * cv2.merge([falloff * float(gain) for gain in lens.gain])
    # A shoulder keeps bright skies from clipping at once.
    image /= 0.35 + image
    image = cv2.pow(image, lens.contrast / 1.35)
    image *= 225 * 1.25 ** (lens.contrast / 1.35)
    common = rng.standard_normal(image.shape[:2], np.float32) * (0.7 * lens.noise)
    image += cv2.merge([common] * 3)
    image += rng.standard_normal(image.shape, np.float32) * (0.5 * lens.noise)
    return np.clip(image, 0, 255, out=image).astype(np.uint8)
