"""Files with secrets: only their owner may read and write them, whatever the umask and their former mode."""

import os
import stat
from pathlib import Path

PRIVATE_MODE = 0o600
PRIVATE_DIRECTORY_MODE = 0o700
_OTHERS = 0o177  # everything beyond reading and writing by the owner


def make_directory(path: Path) -> None:
    """Create a directory and its missing parents; existing directories keep their mode.

    Raises:
        OSError: A directory can't be created.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=PRIVATE_DIRECTORY_MODE, exist_ok=True)


def make(path: Path) -> None:
    """Create an empty file unless it exists, and remove other users' rights to it.

    Raises:
        OSError: The file can't be created, or other users may read it and we may not change its mode.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE))
    keep_private(path)


def keep_private(path: Path) -> bool:
    """Remove other users' rights to a file; return whether they had any. A missing file is ignored.

    Raises:
        PermissionError: We may not change the file's mode.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & _OTHERS:
        return False
    path.chmod(found.st_mode & PRIVATE_MODE)
    return True
