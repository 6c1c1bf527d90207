"""Whether an archive that torch wrote is what was written, by its own checksums."""

from __future__ import annotations

import zipfile
from pathlib import Path

FOLDER = 0x10
"""The bit of a part's attributes that says that it is a folder."""


def check_archive(path: Path) -> None:
    """Raise where a part of a zip archive is not what its checksum says.

    torch writes checksums and does not look at them: numbers that a bad disk or copy has changed
    would be loaded as they are. Files in torch's format before 1.6 are no archives and have none.

    Raises:
        ValueError: what is wrong.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            # torch would read nothing of them, and leave the memory of their numbers as it was.
            folders = [part.filename for part in archive.infolist() if part.external_attr & FOLDER]
    # A damaged directory of the archive shows in many ways: wrong method, encryption, place, ...
    except Exception as error:
        raise ValueError(f"the archive is damaged: {error}") from error
    if damaged:
        raise ValueError(f"the checksum of {damaged} is wrong")
    if folders:
        raise ValueError(f"{folders[0]} is marked as a folder")
