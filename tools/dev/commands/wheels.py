"""Make a folder of wheels for a machine without a network that already has torch.

Resolves what the package needs, for another Python and Linux on x86-64, downloads what the machine
lacks, and prints the command that installs it there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

import tools_path
from arguments import command_parser

EXAMPLE = "python tools/dev/commands/wheels.py wheels --have have.txt"

NEEDED = (
    "mmengine", "mmcv-lite", "mmsegmentation", "ftfy", "regex", "timm", "torchjd", "cvxpy", "ecos",
    "qpsolvers", "quadprog", "numpy", "scipy", "h5py", "openexr", "matplotlib", "pillow",
    "tensorboard", "rich", "jinja2", "safetensors", "onnx", "onnxscript", "onnxruntime",
    "pytest", "hypothesis", "pytest-xdist", "optuna",
)  # fmt: skip
"""What training, export and the tests import; `requirements.txt` holds their versions."""

UNUSED = ("scs",)
"""Dependencies that nothing here imports, and that are large: cvxpy loads its solvers when they are
used, and TorchJD uses others."""

SAME_MODULE = {"opencv-python": "opencv-python-headless"}
"""A package is not needed where another one has the same modules."""


def main() -> None:
    """Resolve, download and print."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("out", metavar="DIR", help="folder of the wheels")
    parser.add_argument(
        "--have",
        metavar="FILE",
        help="what the machine has (there: pip list --format=freeze > have.txt)",
    )
    parser.add_argument("--python", default="3.12", help="default: %(default)s")
    parser.add_argument("--torch", default="2.11.0", help="default: %(default)s")
    parser.add_argument("--torchvision", default="0.26.0", help="default: %(default)s")
    args = parser.parse_args()
    torch = [f"torch=={args.torch}", f"torchvision=={args.torchvision}"]
    with open(os.path.join(tools_path.ROOT, "requirements.txt"), encoding="utf-8") as file:
        needed = [*wanted_pins(file), *torch]
    have = names_of(resolved(torch, args.python))
    if args.have:
        with open(args.have, encoding="utf-8") as file:
            have |= names_of(file)
    have |= {*UNUSED}
    have |= {name for name, other in SAME_MODULE.items() if other in have}
    lacking = [pin for pin in resolved(needed, args.python) if not names_of([pin]) & have]
    # timm's version matters: older ones that are installed are replaced.
    lacking += [pin for pin in needed if pin.startswith("timm==") and pin not in lacking]
    download(lacking, args.out, args.python)
    size = sum(each.stat().st_size for each in os.scandir(args.out)) / 1e6
    print(f"{len(lacking)} wheels, {size:.1f} MB: {' '.join(sorted(lacking))}")
    folder = os.path.basename(os.path.normpath(args.out))
    print(f"There: python3 -m pip install --no-index --no-deps {folder}/*.whl")


def wanted_pins(lines: Iterable[str]) -> list[str]:
    """Return the lines of a requirements file that pin what is needed."""
    return [line.strip() for line in lines if names_of([line]) & {*NEEDED}]


def names_of(lines: Iterable[str]) -> set[str]:
    """Return the normalised names of requirements, one a line.

    >>> sorted(names_of(["Torch==2.11.0", "# torch", "ruamel.yaml [x]"]))
    ['ruamel-yaml', 'torch']
    """
    found = (re.match(r"[A-Za-z0-9][\w.-]*", line.strip()) for line in lines)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


def resolved(requirements: Sequence[str], python: str) -> list[str]:
    """Return the pins of requirements and of all that they need."""
    uv = [sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--no-header"]
    uv += ["--no-annotate", "--python-version", python, "--no-python-downloads"]
    uv += ["--python-platform", "x86_64-manylinux_2_28"]
    done = subprocess.run(uv, input="\n".join(requirements), text=True, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"No versions fit {' '.join(requirements)} on Python {python}: see above.")
    return [line for line in done.stdout.splitlines() if "==" in line]


def download(pins: Sequence[str], out: str, python: str) -> None:
    """Download wheels for Linux on x86-64."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", out]
    pip += ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    for number in (28, 27, 26, 17):
        pip += ["--platform", f"manylinux_2_{number}_x86_64"]
    pip += ["--platform", "manylinux2014_x86_64"]
    if subprocess.run([*pip, *pins]).returncode:
        sys.exit("A wheel could not be downloaded: see above.")


if __name__ == "__main__":
    main()
