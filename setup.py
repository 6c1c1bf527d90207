"""Packaging of mtl_plugins; `requirements.txt` holds the exact versions it is tested with."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# Executed rather than imported: importing the package needs everything it depends on.
version: dict[str, str] = {}
exec((ROOT / "mtl_plugins" / "version.py").read_text(encoding="utf-8"), version)

INSTALL_REQUIRES = [
    "torch>=2.6",  # torch.load refuses pickle by default from here on
    "torchvision>=0.21",  # the one of torch 2.6
    "timm>=1.0.31,<2",  # the first with activation checkpointing, and Swin at any size, that work
    "numpy>=1.26,<3",  # the first with wheels for Python 3.12
    "scipy>=1.11",  # the first with wheels for Python 3.12; matches edges
    "opencv-python>=4.8",  # the first with a wheel for Python 3.12; mmcv reads images with it
    "pillow>=10.3",  # the first that opens 16-bit PNGs as 16 bits; reads all files, strictly
    "rich>=13",  # tables and progress bars
    "matplotlib>=3.8",  # the first with colormaps as a registry and wheels for Python 3.12
    "jinja2>=3.1",  # the template of tools/report.py; torch brings it as well
]

# mmseg imports ftfy and regex for its text encoders, but does not declare them.
UNDECLARED = ["ftfy>=6.1", "regex>=2023.10.3"]  # the first regex with wheels for Python 3.12

EXTRAS = {
    # Exactly one of these two: they install the same modules, so pip must not see both.
    "openmmlab": [
        "mmengine>=0.10.7,<0.11",  # runs on torch 2.6 and later
        "mmcv-lite>=2.1,<2.2",  # mmsegmentation 1.2.2 asserts <2.2; full mmcv takes an hour
        "mmsegmentation>=1.2.2,<1.3",  # the last release, and the one tested
        *UNDECLARED,
    ],
    "onedl": [
        "onedl-mmengine>=0.10.12,<0.11",  # the tested release of the fork
        "onedl-mmcv>=2.3.6,<2.4",  # the tested release of the fork
        "onedl-mmsegmentation>=1.4.2,<1.5",  # the tested release of the fork
        *UNDECLARED,
    ],
    # Its names still change between versions, and state is read from private attributes; [full]
    # brings the solvers of CAGrad, Nash-MTL, UPGrad, DualProj and FairGrad.
    "balancing": ["torchjd[full]>=0.18,<0.19"],
    # The shipped configs log to TensorBoard, so training with them needs this one; the package
    # itself never imports it, and a config with a LocalVisBackend alone goes without.
    "logging": ["tensorboard>=2.16.2"],  # the first that knows NumPy 2 and brings no TensorFlow
    # Only to read files of these kinds: Synscapes' depth, the .mat file of NYUv2, polygons.
    "data": [
        "OpenEXR>=3.5; python_version >= '3.11'",  # the first that reads from memory needs 3.11
        "h5py>=3.11",  # the first that works with NumPy 2
        "pycocotools>=2.0.8",  # the first that works with NumPy 2
    ],
    # Only for the transform AlbuImage. It brings opencv-python-headless, which installs the same
    # module as opencv-python.
    "augmentation": ["albumentations>=2,<3"],
    "export": [
        "torch>=2.11",  # older ones know no sizes from 1 on, or export sizes wrong (2.9)
        "onnx>=1.17",  # the first that torch 2.6 exports to
        "onnxscript>=0.7",  # torch's exporter is written with it; the tested release
        "onnxruntime>=1.20",  # the first that runs what onnx 1.17 writes
        "safetensors>=0.4",  # bfloat16 weights
    ],
    "sweep": [
        "optuna>=5,<6",  # the tested major version: heartbeats and plots are experimental there
        "scikit-learn>=1.5",  # the first with wheels for NumPy 2; fANOVA fits its forests
    ],
    # `make docs`; the package itself needs none of them.
    "docs": [
        "mkdocs>=1.6,<2",  # generated pages need 1.6; 2 drops hooks and themes
        "mkdocs-material>=9.5,<10",  # the tested major version
        "mkdocstrings>=1,<2",  # the tested major version
        "mkdocstrings-python>=2,<3",  # the tested major version
        "latex2mathml>=3.77",  # formulas without a script; the tested releases
        "pyyaml>=6",  # reads the metafiles, of which gallery.md is written
    ],
    "dev": [
        "pytest>=8",
        "pytest-xdist>=3.6",  # the suite uses two cores
        "hypothesis>=6.100",
        "ruff>=0.9",  # the rules that pyproject.toml selects
        "mypy>=1.14",
        "build>=1.2",
        "uv>=0.5",  # makes the environments of tools/dev/commands/versions.py
    ],
}
EXTRAS["all"] = [
    requirement
    for extra in ("openmmlab", "balancing", "logging", "data", "export", "sweep")
    for requirement in EXTRAS[extra]
]

setup(
    name="mtl_plugins",
    version=version["__version__"],
    description="Multi-task training of one network for several dense tasks, on MMSegmentation.",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",  # zip(strict=True), X | Y annotations at run time
    packages=find_packages(include=["mtl_plugins", "mtl_plugins.*"]),
    package_data={
        "mtl_plugins": ["py.typed"],
        "mtl_plugins.report": ["templates/*"],
    },
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS,
)
