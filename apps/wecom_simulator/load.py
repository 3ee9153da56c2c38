"""A scripted rush: customers add, reply, edit and delete so many times a second, from a seed."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from . import actions
from .actions import ActionError
from .host import Host
from .world import Row

WEIGHTS = {"add": 5, "reply": 3, "edit": 2, "delete_by_customer": 1, "delete_by_guide": 1}
MOST_RATE = 5_000


@dataclass
class Rush:
    """One run: the same seed on the same state does the same things in the same order."""

    host: Host
    rate: float
    total: int
    seed: int
    weights: dict[str, int]
    done: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    running: bool = True
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        world = self.host.world
        self.guides = sorted(set(world.users) - set(world.left_users))
        asleep = set(world.asleep())
        self.pairs = sorted(
            (userid, ident)
            for userid in self.guides if userid not in asleep
            for ident, follow in world.contacts_of(userid).items()
            if not follow["deleted_by_customer_at"]
        )  # fmt: skip
        self._stop = threading.Event()
        self._worlds = self.host.worlds

    def start(self) -> None:
        threading.Thread(target=self.run, name="rush", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        began = time.monotonic()
        names, weights = list(self.weights), list(self.weights.values())
        try:
            for number in range(self.total):
                wait = began + number / self.rate - time.monotonic() if self.rate else 0
                # after a reset or a load nobody here knows these people
                if self._stop.wait(max(0.0, wait)) or self.host.worlds != self._worlds:
                    break
                self._one(number, self.chance.choices(names, weights)[0])
        finally:
            self.seconds = time.monotonic() - began
            self.running = False

    def _one(self, number: int, name: str) -> None:
        if name != "add" and not self.pairs:
            name = "add"
        try:
            getattr(self, f"_{name}")(number)
            self.done[name] += 1
        except ActionError:
            self.refused += 1

    def _add(self, number: int) -> None:
        ident = f"wmRush{self.seed % 10_000:04d}{number:08d}"
        userid = self.chance.choice(self.guides)
        actions.add_guide(self.host, {
            "userid": userid, "external_userid": ident, "name": f"新客{number}",
            "state": f"rush{self.seed}",
        })  # fmt: skip
        self.pairs.append((userid, ident))

    def _pair(self, *, gone: bool = False) -> Row:
        place = self.chance.randrange(len(self.pairs))
        userid, ident = self.pairs[place]
        if gone:
            self.pairs[place] = self.pairs[-1]
            self.pairs.pop()
        return {"userid": userid, "external_userid": ident}

    def _reply(self, number: int) -> None:
        data = {**self._pair(), "from": "customer", "text": f"在吗 {number}"}
        actions.chat_message(self.host, data, via="typed")

    def _edit(self, number: int) -> None:
        actions.edit_follow(self.host, {**self._pair(), "remark": f"备注{number}"})

    def _delete_by_customer(self, number: int) -> None:
        actions.end_follow(self.host, {**self._pair(gone=True), "by": "customer"})

    def _delete_by_guide(self, number: int) -> None:
        actions.end_follow(self.host, {**self._pair(gone=True), "by": "guide"})

    def report(self) -> Row:
        return {
            "running": self.running, "asked": self.total, "seed": self.seed,
            "done": dict(sorted(self.done.items())), "refused": self.refused,
            "seconds": round(self.seconds, 2), "callbacks_pending": self.host.sender.pending(),
        }  # fmt: skip


def rush_from(host: Host, data: Row) -> Rush:
    """{rate, seconds | total, seed, weights}; rate 0 is as fast as it goes."""
    rate, seed = float(data.get("rate", 10)), int(data.get("seed", 1))
    total = int(data.get("total") or rate * float(data.get("seconds", 10)))
    weights = {**dict.fromkeys(WEIGHTS, 0), **data["weights"]} if "weights" in data else WEIGHTS
    if not 0 <= rate <= MOST_RATE or total < 1:
        raise ActionError(f"A rate up to {MOST_RATE} and at least one action.")
    if set(weights) - set(WEIGHTS) or sum(weights.values()) <= 0:
        raise ActionError(f"Weights for some of {', '.join(WEIGHTS)}.")
    if not host.world.users:
        raise ActionError("Nobody works here yet: seed members first.")
    return Rush(host=host, rate=rate, total=total, seed=seed, weights=weights)
