"""Disks of a run's own: one that can be full, one that can be cut off from its power.

Owns: mounts and images below one folder, and that none outlives the run.
Never: touches a disk of the machine.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUTER, INNER = "6G", "3G"
SMALL = "6g"


def may_mount() -> bool:
    """Say whether this machine lets us mount images and has what makes them."""
    return os.geteuid() == 0 and all(
        shutil.which(tool) for tool in ("mkfs.xfs", "mkfs.ext4", "mount", "umount")
    )


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of bounded size, in memory; it is gone with the block."""
    at = folder / "small"
    at.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=711", "onepark-faults", str(at))
    try:
        yield at
    finally:
        _run("umount", "--lazy", str(at))


class PowerDisk:
    """An ext4 image inside an XFS image: a reflink of it is what a cut of the power leaves.

    What a file system has not handed to its disk is in no image. The order of writes within
    one cut is the kernel's; torn sectors do not occur.
    """

    def __init__(self, folder: Path) -> None:
        """Name the places; nothing is made before ``mounted``."""
        self._outer_image, self._outer = folder / "outer.img", folder / "outer"
        self._inner_image, self.root = self._outer / "inner.img", folder / "disk"

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Make both disks and mount them; both are unmounted with the block."""
        self._outer.mkdir()
        self.root.mkdir()
        _run("truncate", "-s", OUTER, str(self._outer_image))
        _run("mkfs.xfs", "-q", "-m", "reflink=1", str(self._outer_image))
        _run("mount", "-o", "loop", str(self._outer_image), str(self._outer))
        try:
            self._outer.chmod(0o711)
            _run("truncate", "-s", INNER, str(self._inner_image))
            _run("mkfs.ext4", "-q", str(self._inner_image))
            _run("mount", "-o", "loop", str(self._inner_image), str(self.root))
            try:
                yield
            finally:
                _run("umount", "--lazy", str(self.root))
        finally:
            _run("umount", "--lazy", str(self._outer))

    def cut(self, name: str) -> Path:
        """Keep what the disk holds at this moment; returns the image."""
        image = self._outer / f"{name}.img"
        _run("cp", "--reflink=always", str(self._inner_image), str(image))
        return image


@contextmanager
def opened(image: Path, at: Path) -> Iterator[Path]:
    """Mount an image that a cut left; its journal is replayed, as after any cut."""
    at.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(image), str(at))
    try:
        yield at
    finally:
        _run("umount", str(at))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
