"""Install stacks of versions and run the suite on each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from mtl_plugins.errors import ConfigError, MTLError
from mtl_plugins.install import FAMILIES
from mtl_plugins.utils import TextTable, track, write_text

from .stack import STACKS, Stack

ROOT = Path(__file__).parents[3]
UV = (sys.executable, "-m", "uv")
SHOWN = (
    "torch", "torchvision", "timm", "torchjd", "numpy", "opencv-python", "pillow", "onnx",
    "onnxruntime", "optuna",
)  # fmt: skip
"""Distributions in the table beside the family's."""
COLUMNS = ("stack", "Python", "versions", "tests", "passed", "failed", "skipped", "seconds")


@dataclass(frozen=True)
class Trial:
    """The result of a stack."""

    stack: str
    tests: str
    """Arguments of pytest; empty for every test."""
    python: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    """Version of every installed distribution."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    error: str = ""
    """Why there are no counts: the installation failed, or pytest was killed."""

    @property
    def works(self) -> bool:
        """Whether tests ran and none failed."""
        return bool(self.passed) and not self.failed and not self.error

    @classmethod
    def read(cls, folder: str, stack: str) -> Trial | None:
        """Read the result that an earlier call wrote into a folder; None if there is none."""
        path = Path(folder, f"{stack}.json")
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def write(self, folder: str) -> None:
        """Write `<folder>/<stack>.json`."""
        text = json.dumps(asdict(self), indent=1)
        Path(folder, f"{self.stack}.json").write_text(text, encoding="utf-8")


def try_stacks(
    stacks: Sequence[Stack],
    out: str,
    arguments: Sequence[str] = (),
    again: bool = False,
    keep: bool = False,
) -> list[Trial]:
    """Install the stacks one after the other and run the suite on each.

    Each result is written to `<out>/<stack>.json` at once, and a stack that has one for the same
    arguments is not run again. `<out>/versions.md` shows all results; logs are in `<out>/<stack>`.

    Args:
        stacks: the stacks; the Python of each must be on the PATH.
        out: folder of environments, logs and results.
        arguments: arguments for pytest, after `-n 2 --dist loadfile`.
        again: also run stacks that have a result.
        keep: keep the environments, of some gigabytes each.

    Raises:
        ConfigError: uv is not installed, or this is no checkout with tests.
    """
    if find_spec("uv") is None:
        raise ConfigError('uv makes the environments: `pip install "mtl_plugins[dev]"`.')
    if not (ROOT / "tests").is_dir():
        raise ConfigError(f"{ROOT} holds no tests; run this in a checkout of the repository.")
    trials = []
    for stack in track(stacks, "trying stacks"):
        trial = None if again else Trial.read(out, stack.name)
        if trial is None or trial.tests != " ".join(arguments):
            trial = try_stack(stack, Path(out, stack.name).absolute(), arguments)
            trial.write(out)
            if not keep:
                shutil.rmtree(Path(out, stack.name, "venv"), ignore_errors=True)
        trials.append(trial)
        done = (Trial.read(out, name) for name in STACKS)
        table = versions_table(each for each in done if each is not None)
        write_text(os.path.join(out, "versions.md"), table.markdown() + "\n")
    return trials


def try_stack(stack: Stack, folder: Path, arguments: Sequence[str]) -> Trial:
    """Make the environment of a stack in a folder, and run the suite in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    python, tests = str(folder / "venv" / "bin" / "python"), " ".join(arguments)
    try:
        _call([*UV, "venv", "--python", stack.python, str(folder / "venv")], folder / "install.log")
        install = [*UV, "pip", "install", "--python", python, *stack.install_arguments()]
        _call(install, folder / "install.log")
    except MTLError as error:
        return Trial(stack.name, tests, stack.python, error=str(error))
    listed = [*UV, "pip", "list", "--python", python, "--format", "json"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    counts = run_suite(python, folder, ["-n", "2", "--dist", "loadfile", *arguments])
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
    return Trial(
        stack.name,
        tests,
        version.split()[1],
        {package["name"]: package["version"] for package in json.loads(found)},
        **counts,
    )


def run_suite(python: str, folder: Path, arguments: Sequence[str]) -> dict:
    """Run pytest in the checkout; return the counts and seconds of a `Trial`, or its error."""
    report, log = folder / "junit.xml", folder / "pytest.log"
    start = time.monotonic()
    with open(log, "w", encoding="utf-8") as file:
        # The environments share the checkout, and would remember each other's failures.
        subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments],
            cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=_environment(),
        )  # fmt: skip
    seconds = round(time.monotonic() - start, 1)
    if not report.exists():
        return dict(error=f"pytest was ended, see {log}", seconds=seconds)
    [suite] = ElementTree.parse(report).getroot()
    total, failures, errors, skipped = (
        int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return dict(passed=total - failed - skipped, failed=failed, skipped=skipped, seconds=seconds)


def _call(command: Sequence[str], log: Path) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    output = result.stdout + result.stderr
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{' '.join(command)}\n{output}")
    if result.returncode:
        raise MTLError(f"cannot be installed, see {log}: {output.strip()[-300:]}")


def _environment() -> dict[str, str]:
    """Return the variables without PYTHONPATH, which would add another environment's packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def report_trials(trials: Sequence[Trial], out: str) -> None:
    """Print the result of each stack.

    Raises:
        MTLError: on some stack a test failed, or none ran.
    """
    for trial in trials:
        counts = f"{trial.passed} passed, {trial.failed} failed, {trial.skipped} skipped"
        print(f"{trial.stack}: {trial.error or f'{counts} in {trial.seconds:.0f} s'}")
    print(Path(out, "versions.md"))
    failed = [trial.stack for trial in trials if not trial.works]
    if failed:
        raise MTLError(f"{', '.join(failed)}: not every test passed, see the logs in {out}.")


def versions_table(trials: Iterable[Trial]) -> TextTable:
    """Return a table with one row a stack, with the versions that were installed."""
    return TextTable(COLUMNS, [_cells(trial) for trial in trials], COLUMNS[:4])


def _cells(trial: Trial) -> tuple[str, ...]:
    family = [name for roles in FAMILIES.values() for role in roles for name in role]
    versions = ", ".join(
        f"{name} {trial.versions[name]}" for name in (*family, *SHOWN) if name in trial.versions
    )
    counts = (str(trial.passed), str(trial.failed), str(trial.skipped), f"{trial.seconds:.0f}")
    if trial.error:
        versions, counts = " ".join(trial.error.split()), ("-",) * 4
    tests = f"`{trial.tests}`" if trial.tests else "all"
    return (trial.stack, trial.python, versions, tests, *counts)
