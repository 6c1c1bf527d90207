"""Damage to files, as disks, networks and programs do it."""

from __future__ import annotations

import random


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return other bytes than the given ones, damaged in one to four places in one way."""
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
    """Set one byte to a value at which something often ends, or a digit to another one."""
    data[rng.randrange(len(data))] = rng.choice([0, 1, 127, 128, 255, *b'09-."e[]{}'])
    return data


def _truncate(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def _erase(data: bytearray, rng: random.Random) -> bytearray:
    """Fill a block with zeros, as a disk that is full does."""
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
    """Let two neighbouring blocks change places."""
    start, end = _block(data, rng)
    middle = rng.randint(start, end)
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def _block(data: bytearray, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.randint(1, max(1, len(data) // 4)))


DAMAGES = (_flip, _overwrite, _truncate, _erase, _insert, _remove, _repeat, _swap)
