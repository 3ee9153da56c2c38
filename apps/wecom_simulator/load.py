"""A scripted rush, so many times a second, from a seed: customers add, reply, edit and delete, use
contact codes, come into groups by their codes and leave them."""

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
# only where they are asked for
IN_GROUPS = ("join", "leave", "say", "dismiss")
KINDS = (*WEIGHTS, "scan", "open_group", *IN_GROUPS)
WITH_FRIENDS = ("reply", "edit", "delete_by_customer", "delete_by_guide", "open_group")
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
        self.groups = [ident for ident, row in world.groups.items() if not row["dismissed_at"]]
        self._stop = threading.Event()
        self._worlds = self.host.worlds

    def start(self) -> None:
        threading.Thread(target=self.run, name="rush", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    @property
    def goes_on(self) -> bool:
        return self.running and not self._stop.is_set()

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
        with self.host.lock:
            name = self._possible(name)
            try:
                getattr(self, f"_{name}")(number)
                self.done[name] += 1
            except ActionError:
                self.refused += 1

    def _possible(self, name: str) -> str:
        """What has to be there first happens first: a group before a visit, a friend before that.
        Where no code hangs, people are added without one."""
        if name in IN_GROUPS and not self.groups:
            name = "open_group"
        if name in WITH_FRIENDS and not self.pairs:
            name = "add"
        return "add" if name == "scan" and not self._ways() else name

    def _newcomer(self, number: int) -> Row:
        ident = f"wmRush{self.seed % 10_000:04d}{number:08d}"
        return {"external_userid": ident, "name": f"新客{number}"}

    def _add(self, number: int) -> None:
        userid = self.chance.choice(self.guides)
        self._befriend({**self._newcomer(number), "userid": userid, "state": f"rush{self.seed}"})

    def _befriend(self, data: Row) -> None:
        actions.add_guide(self.host, data)
        self.pairs.append((data["userid"], data["external_userid"]))

    def _ways(self) -> list[Row]:
        return [way for way in self.host.world.ways.values() if way["user"]]

    def _scan(self, number: int) -> None:
        """A contact code: its state and its members are the code's."""
        way = self.chance.choice(self._ways())
        userid = self.chance.choice(way["user"])
        who = self._newcomer(number)
        self._befriend({**who, "userid": userid, "config_id": way["config_id"]})

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

    def _open_group(self, number: int) -> None:
        pair = self._pair()
        group = {"name": f"群{number}", "external_userids": [pair["external_userid"]]}
        made = actions.create_group(self.host, {**group, "userid": pair["userid"]})
        self.groups.append(made["chat_id"])

    def _join(self, number: int) -> None:
        """By a code where one hangs, else somebody is brought along."""
        codes = list(self.host.world.group_ways)
        where = {"config_id": self.chance.choice(codes)} if codes else {"chat_id": self._group()}
        joined = actions.join_group(self.host, {**self._newcomer(number), **where})
        if joined["chat_id"] not in self.groups:  # the code's groups were full, it opened one
            self.groups.append(joined["chat_id"])

    def _group(self) -> str:
        return self.chance.choice(self.groups)

    def _inside(self, chat_id: str) -> str:
        """One of the customers in a group."""
        people = self.host.world.groups[chat_id]["members"]
        customers = sorted(ident for ident in people if ident in self.host.world.customers)
        if not customers:
            raise ActionError("No customer is left in this group.")
        return self.chance.choice(customers)

    def _leave(self, number: int) -> None:
        chat_id = self._group()
        who = {"external_userid": self._inside(chat_id), "removed": self.chance.random() < 0.5}
        actions.leave_group(self.host, {"chat_id": chat_id, **who})

    def _say(self, number: int) -> None:
        chat_id = self._group()
        words = {"from": self._inside(chat_id), "text": f"有货吗 {number}"}
        actions.say_in_group(self.host, {"chat_id": chat_id, **words})

    def _dismiss(self, number: int) -> None:
        chat_id = self._group()
        actions.dismiss_group(self.host, {"chat_id": chat_id})
        self.groups.remove(chat_id)

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
    weights = {**dict.fromkeys(KINDS, 0), **data["weights"]} if "weights" in data else WEIGHTS
    if not 0 <= rate <= MOST_RATE or total < 1:
        raise ActionError(f"A rate up to {MOST_RATE} and at least one action.")
    if set(weights) - set(KINDS) or sum(weights.values()) <= 0:
        raise ActionError(f"Weights for some of {', '.join(KINDS)}.")
    if not host.world.users:
        raise ActionError("Nobody works here yet: seed members first.")
    return Rush(host=host, rate=rate, total=total, seed=seed, weights=weights)
