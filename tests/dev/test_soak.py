"""A long run: growth of memory and file handles is measured."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from dev.endurance import report_soak, soak
from dev.endurance.soak import Growth, SoakSample, read_samples

from mtl_plugins.errors import ConfigError, MTLError
from tests.commands import call
from tests.engine.faulty_parts import LEAK
from tests.engine.tiny_run import tiny_config


@pytest.mark.slow
def test_a_leak_of_known_size_is_measured(tmp_path, scene_options):
    """In a new process: this one may give back memory of earlier tests."""
    one = "val_dataloader.dataset.indices=1"
    config = tiny_config(scene_options, one, hooks=[dict(type="LeakyHook")])
    config.custom_imports.imports.append("tests.engine.faulty_parts")
    config.dump(tmp_path / "leaky.py")
    arguments = ["--work-dir", tmp_path / "run", "--iterations", 17]
    result = call(
        "dev/commands/soak.py", tmp_path / "leaky.py", *arguments, check=False, fresh=True
    )
    assert result.returncode == 1
    assert "expected at most 10: something is kept" in result.stderr
    samples = read_samples(str(tmp_path / "run"))
    assert [sample.iteration for sample in samples] == [3, 6, 9, 12, 15, 18]
    handles = [sample.handles for sample in samples[3:]]
    assert [count - handles[0] for count in handles] == [0, 1, 2]
    iterations = [sample.iteration for sample in samples[3:]]
    for held in ("total", "resident"):
        growth = Growth.of(iterations, [getattr(sample, held) for sample in samples[3:]])
        assert growth.slope == pytest.approx(1000 * LEAK, rel=0.1)
    shown = f"main process {handles[0]} to {handles[2]}, workers 0 to 0"
    assert shown in " ".join(result.stdout.split())
    with pytest.raises(MTLError, match="is not empty"):
        soak(config, str(tmp_path / "run"))


def test_only_the_second_half_is_fitted(capsys):
    growing = [SoakSample(100 * i, 500.0 + min(i, 5) * 100, 50.0, 900.0, 40, 20) for i in range(10)]
    report_soak(growing, 0.1)
    assert "Iterations 500 to 900, 5 samples" in capsys.readouterr().out


def test_the_error_of_a_slope():
    """By hand: x = -1, 0, 1 and y = 0, 3, 0 lie around the flat line of 1: residuals -1, 2, -1."""
    growth = Growth.of([0, 1000, 2000], [0.0, 3.0, 0.0])
    assert (growth.slope, growth.error) == (0, pytest.approx((6 / 1 / 2) ** 0.5))


def test_a_run_too_short_for_a_fit_is_refused(tmp_path, scene_options):
    with pytest.raises(ConfigError, match=r"12 iterations are 4 epochs of 3.*at least 6"):
        soak(tiny_config(scene_options), str(tmp_path / "run"), iterations=12)


@pytest.mark.parametrize(("noise", "exceeds"), [(0, True), (20, False)])
def test_noise_of_the_allocator_is_no_growth(noise, exceeds):
    """12 MB per 1,000 iterations, above a bound of 10, with and without memory given back."""
    samples = [
        SoakSample(100 * i, 500 + 1.2 * i + noise * (i % 3 == 0), 0.0, 900.0, 40, 20)
        for i in range(20)
    ]
    with pytest.raises(MTLError) if exceeds else nullcontext():
        report_soak(samples, 10)
