"""A place with little room for files, that can be filled to the last page and freed again.

As root it is a tmpfs of its own. Elsewhere the process may not write files beyond a size while it is "full"
(RLIMIT_FSIZE; Python ignores the signal), which a database meets in the same places.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BALLAST = "ballast"


class Space:
    """A folder whose room is ours to give."""

    def __init__(self, folder: Path, mounted: bool) -> None:
        self.folder, self.mounted = folder, mounted
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, leave: int) -> None:
        """From now on there is room for so many bytes, and no more."""
        if not self.mounted:
            written = [path.stat().st_size for path in self.folder.rglob("*.wal")]
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(written, default=0) + leave, self._limits[1]))
            return
        self.free()
        state = os.statvfs(self.folder)
        with Path(self.folder, BALLAST).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - leave))

    def free(self) -> None:
        """There is room again."""
        if self.mounted:
            Path(self.folder, BALLAST).unlink(missing_ok=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    def clear(self) -> None:
        """Nothing is left in it."""
        self.free()
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


@contextmanager
def little(size_mib: int) -> Iterator[Space]:
    """A space of so many MiB, gone at the end of the block, and of the process."""
    with tempfile.TemporaryDirectory(prefix="runner_space_") as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", name]
        mounted = os.getuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        space = Space(Path(name), mounted)
        try:
            with guarded(name) if mounted else contextlib.nullcontext():
                yield space
        finally:
            space.free()


@contextmanager
def guarded(folder: str) -> Iterator[None]:
    """Unmount it at the end; a shell does so too should this process be killed before."""
    text = 'read -r _; umount -l "$0" && rmdir "$0"'
    pipe = subprocess.PIPE
    guard = subprocess.Popen(["sh", "-c", text, folder], stdin=pipe, stderr=pipe, start_new_session=True)
    try:
        yield
    finally:
        guard.kill()
        guard.communicate()
        subprocess.run(["umount", "-l", folder], capture_output=True, check=False)
