"""Random damage to files, as by disks, networks and programs, and the outcome of reading them."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mtl_plugins.checkpoints import CheckpointError
from mtl_plugins.errors import MTLError

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "1"))
"""Factor of the number of damaged inputs."""


@pytest.fixture(autouse=True)
def no_hang():
    """Fail a test that takes longer than a minute."""

    def stop(*_):
        pytest.fail("a damaged file keeps its reader busy")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60 * ROUNDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def outcomes(
    data: bytes, path: Path, read: Callable[[str], Any], name: Any = None, rounds: int = 300
) -> Iterator[Any]:
    """Yield the value read from each mutation, or None for an error that names the file."""
    rng = random.Random(f"{path.name} {rounds}")
    for _ in range(rounds * ROUNDS):
        path.write_bytes(mutate(data, rng))
        yield _outcome(lambda: read(str(path)), str(path if name is None else name))


def text_outcomes(
    texts: Iterator[str], read: Callable[[str], Any], name: str = ""
) -> Iterator[Any]:
    """Yield the same for texts without a file of their own."""
    for text in texts:
        yield _outcome(lambda text=text: read(text), name)


def damaged_texts(text: str, rounds: int) -> Iterator[str]:
    """Yield texts with some damaged bytes."""
    rng = random.Random(f"{len(text)} {rounds}")
    for _ in range(rounds * ROUNDS):
        yield mutate(text.encode(), rng).decode("utf-8", "replace")


def strange_texts(value: Any, write: Callable[[Any], str], rounds: int) -> Iterator[str]:
    """Yield complete texts with one or two strange values."""
    rng = random.Random(f"{rounds}")
    for _ in range(rounds * ROUNDS):
        changed = mutate_value(value, rng)
        yield write(mutate_value(changed, rng) if rng.random() < 0.3 else changed)


def _outcome(read: Callable[[], Any], name: str) -> Any:
    try:
        return read()
    except (MTLError, CheckpointError) as error:
        assert name in str(error), str(error)
        return None


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return different bytes, damaged in one to four places in one way."""
    changed = data
    while changed == data:
        damage = rng.choice(DAMAGES)
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 4))):
            if changed:
                changed = damage(changed, rng)
        changed = bytes(changed)
    return changed


def _flip(data: bytearray, rng: random.Random) -> bytearray:
    """Change one bit."""
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def _overwrite(data: bytearray, rng: random.Random) -> bytearray:
    """Set one byte to a boundary value, a digit or a delimiter."""
    data[rng.randrange(len(data))] = rng.choice([0, 1, 127, 128, 255, *b'09-."e[]{}'])
    return data


def _truncate(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def _erase(data: bytearray, rng: random.Random) -> bytearray:
    """Fill a block with zeros, as a full disk does."""
    start, end = _block(data, rng)
    data[start:end] = bytes(end - start)
    return data


def _insert(data: bytearray, rng: random.Random) -> bytearray:
    place = rng.randrange(len(data) + 1)
    data[place:place] = rng.randbytes(rng.randint(1, 16))
    return data


def _remove(data: bytearray, rng: random.Random) -> bytearray:
    start, end = _block(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytearray, rng: random.Random) -> bytearray:
    start, end = _block(data, rng)
    return data[:end] + data[start:]


def _swap(data: bytearray, rng: random.Random) -> bytearray:
    """Swap two neighbouring blocks."""
    start, end = _block(data, rng)
    middle = rng.randint(start, end)
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def _block(data: bytearray, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.randint(1, max(1, len(data) // 4)))


DAMAGES = (_flip, _overwrite, _truncate, _erase, _insert, _remove, _repeat, _swap)


def mutate_value(value: object, rng: random.Random) -> object:
    """Return a JSON value with one change."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        changed = dict(value) if isinstance(value, dict) else [*value]
        key = rng.choice([*value]) if isinstance(value, dict) else rng.randrange(len(value))
        if rng.random() < 0.15:
            del changed[key]
        elif rng.random() < 0.1 and isinstance(value, list):
            changed.insert(key, rng.choice(STRANGE))
        else:
            changed[key] = mutate_value(value[key], rng)
        return changed
    return rng.choice(STRANGE)


STRANGE = (
    *(None, True, False, 0, 1, -1, 7, 255, 256, 1 << 40, -(1 << 70), 10**400, 0.5, -2.5, 1e300),
    *(float("nan"), float("inf"), -float("inf"), "", "x", "semseg", "../../etc", "\0", "\ud800"),
    *("<script>", "é" * 300, [], [[]], [1, 2], ["a"], {}, {"a": 1}, {"": None}, {"type": "x"}),
)
"""Values that programs rarely expect."""
