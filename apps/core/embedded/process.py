"""Starting a service so that it cannot outlive us, as an account PostgreSQL accepts."""

import ctypes
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None


class CannotDrop(RuntimeError):
    """Root has no account to run a service under."""


@dataclass(frozen=True)
class Account:
    """Who a service runs as. `mapped`: still root outside, but an ordinary account to itself."""

    uid: int
    gid: int
    drop: bool = False
    mapped: bool = False

    @property
    def owner(self) -> tuple[int, int]:
        """Who the service's files belong to, seen from outside."""
        return (0, 0) if self.mapped else (self.uid, self.gid)


def _reachable(path: Path) -> bool:
    """May an account without any rights pass through every folder down to `path`?"""
    parents = [path, *path.parents] if path.is_dir() else list(path.parents)
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in parents)


def service_account(*, programs: Path, data: Path) -> Account:
    """The account for services: ourselves, or for root `nobody`, or root under another number."""
    if os.getuid() != 0:
        return Account(os.getuid(), os.getgid())
    nobody = pwd.getpwnam("nobody")
    if _reachable(programs) and _reachable(data.parent):
        return Account(nobody.pw_uid, nobody.pw_gid, drop=True)
    if _LINUX and _may_map(nobody.pw_uid):
        return Account(nobody.pw_uid, nobody.pw_gid, mapped=True)
    raise CannotDrop(
        "PostgreSQL does not run as root, and `nobody` cannot reach this folder. "
        "Move the project to a folder others may enter, or use an ordinary account."
    )


def _map_user(uid: int) -> None:
    """Become `uid` in a user namespace of our own: files are still reached with root's rights."""
    if _libc is None or _libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} 0 1")
    Path("/proc/self/gid_map").write_text(f"{uid} 0 1")


def _may_map(uid: int) -> bool:
    child = os.fork()
    if child == 0:
        try:
            _map_user(uid)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _before_exec(account: Account, death_signal: int, parent: int) -> Callable[[], None]:
    def prepare() -> None:
        if account.drop:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        elif account.mapped:
            _map_user(account.uid)
        if _libc is not None:
            # after setuid: a change of account clears it
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def spawn(
    argv: Sequence[str],
    *,
    account: Account | None = None,
    death_signal: int = signal.SIGKILL,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in its own session that gets `death_signal` when we die, however we die."""
    account = account or Account(os.getuid(), os.getgid())
    return subprocess.Popen(
        list(argv),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.STDOUT if output else subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_before_exec(account, death_signal, os.getpid()),
    )


def end(child: subprocess.Popen[bytes], *, first: int = signal.SIGTERM, seconds: float = 8) -> None:
    """Ask a child to stop, then make it."""
    if child.poll() is not None:
        return
    child.send_signal(first)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
