"""A disk of a few kilobytes, and how it is filled up."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BALLAST = "ballast"


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own at ``place``; skips the test where none may be mounted."""
    place.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here ({error})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_up(disk: Path, left: int = 0) -> None:
    """Leave about ``left`` bytes free; pages are of 4096."""
    with (disk / BALLAST).open("ab", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        file.truncate(max(0, file.tell() - left))


def make_room(disk: Path) -> None:
    (disk / BALLAST).unlink()


def names(folder: Path) -> set[str]:
    """What is there beside the ballast."""
    return {path.name for path in folder.iterdir()} - {BALLAST}
