"""Where embedded services keep data and sockets."""

import hashlib
import os
import stat
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[3]


class UnsafeFolder(RuntimeError):
    """A folder for private sockets belongs to somebody else."""


def data_dir() -> Path:
    """DATA_DIR, relative to the project when it is not absolute."""
    return (PROJECT_DIR / (os.environ.get("DATA_DIR") or ".local")).resolve()


def socket_dir(data: Path) -> Path:
    """A short folder for the sockets of one data folder: a socket's path ends at 107 bytes."""
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:10]
    return Path(f"/tmp/scrm-{os.getuid()}-{digest}")


def make_private(folder: Path, *, uid: int, gid: int) -> Path:
    """Make a folder only `uid` may enter; refuse one that somebody else put there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.getuid(), uid):
        raise UnsafeFolder(f"{folder} belongs to somebody else.")
    if os.getuid() == 0 and (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(folder, uid, gid)
    folder.chmod(0o700)
    return folder
