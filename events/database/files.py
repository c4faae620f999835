"""Files that hold secrets: ours alone to read and write, whatever the umask says and whoever made them."""

import os
import stat
from pathlib import Path

PRIVATE_MODE = 0o600
PRIVATE_DIRECTORY_MODE = 0o700
_OTHERS = 0o177  # everything beyond reading and writing by the owner


def make_directory(path: Path) -> None:
    """Make a directory and those above it that are missing; what is there stays as it is.

    Raises:
        OSError: It can't be made.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=PRIVATE_DIRECTORY_MODE, exist_ok=True)


def make(path: Path) -> None:
    """Make an empty file, unless there is one; take others' rights away either way.

    Raises:
        OSError: It can't be made, or others may read it and it is not ours to change.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE))
    keep_private(path)


def keep_private(path: Path) -> bool:
    """Take others' rights to a file away; say whether there were any. A file that is not there is nobody's.

    Raises:
        PermissionError: It is not ours to change.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & _OTHERS:
        return False
    path.chmod(found.st_mode & PRIVATE_MODE)
    return True
