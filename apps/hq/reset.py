"""`python -m apps.hq.reset`: throw the demo's data away. Only what the demo made."""

import fcntl
import os
import shutil
import sys

from apps.core.embedded import paths

MADE = (
    "postgres",
    "valkey",
    "simulator",
    "logs",
    "static",
    "media",
    "secrets.env",
    "demo.env",
    "loaded.json",
    "static.stamp",
    "migrated.stamp",
)


def main() -> int:
    """Remove the demo's own folders and files, unless a demo runs on them."""
    data = paths.data_dir()
    if not data.exists():
        return 0
    descriptor = os.open(data / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.stderr.write(f"A demo runs on {data}: stop it first.\n")
        return 1
    for name in MADE:
        path = data / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    shutil.rmtree(paths.socket_dir(data), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
