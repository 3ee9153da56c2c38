"""Append-only journal of every change, replayed at start; snapshots keep it short."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Journal:
    """Numbered generations: `snapshot-N.json` is the world before `journal-N.jsonl`.

    One `write` call holds all records of a transaction, and nothing is answered before it returned:
    killing the process loses nothing that was acknowledged.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._lock_fd = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SystemExit(f"The state folder {folder} is used by another simulator.") from error
        self.generation = max(self._generations(), default=0)
        self._fd = self._open()

    def _generations(self) -> list[int]:
        return [int(path.stem.split("-")[1]) for path in self.folder.glob("snapshot-*.json")]

    def _file(self) -> Path:
        return self.folder / f"journal-{self.generation}.jsonl"

    def _open(self) -> int:
        return os.open(self._file(), os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)

    def snapshot(self) -> Record | None:
        path = self.folder / f"snapshot-{self.generation}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def records(self) -> Iterator[Record]:
        """All whole records; a torn last line was never acknowledged and is cut off."""
        good = 0
        with self._file().open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                good += len(line)
                yield json.loads(line)
        os.ftruncate(self._fd, good)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def write(self, records: list[Record]) -> None:
        lines = [
            json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records
        ]
        data = memoryview(("\n".join(lines) + "\n").encode())
        while data:
            data = data[os.write(self._fd, data) :]

    def start_over(self, state: Record) -> None:
        """A new generation that begins with this state; old files go once it is complete."""
        old = self.generation
        self.generation += 1
        target = self.folder / f"snapshot-{self.generation}.json"
        draft = target.with_suffix(".tmp")
        with draft.open("w") as out:
            json.dump(state, out, ensure_ascii=False, separators=(",", ":"))
            out.flush()
            os.fsync(out.fileno())
        os.close(self._fd)
        self._fd = self._open()
        os.ftruncate(self._fd, 0)
        draft.rename(target)
        (self.folder / f"snapshot-{old}.json").unlink(missing_ok=True)
        (self.folder / f"journal-{old}.jsonl").unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._fd)
        os.close(self._lock_fd)
