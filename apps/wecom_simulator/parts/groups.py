"""Customer groups, the codes that lead into them, and their welcome templates."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class Groups:
    """A group: chat_id, name, owner, create_time, notice, admins, members (by id), version,
    status (0 owner here, 1 owner left, 2 being inherited, 3 inherited), dismissed_at, messages."""

    groups: dict[str, Row] = field(default_factory=dict)
    group_ways: dict[str, Row] = field(default_factory=dict)  # config_id -> join way
    group_welcomes: dict[str, Row] = field(default_factory=dict)  # template_id -> template

    def groups_of(self, owner: str) -> list[Row]:
        return [row for row in self.groups.values() if row["owner"] == owner]

    def groups_with(self, ident: str) -> list[Row]:
        """Living groups somebody is in."""
        rows = self.groups.values()
        return [row for row in rows if ident in row["members"] and not row["dismissed_at"]]

    def on_group(self, at: float, group: Row) -> None:
        self.groups[group["chat_id"]] = group

    def on_group_people(
        self, at: float, chat_id: str, joined: dict[str, Row], left: list[str]
    ) -> None:
        """Somebody came or went: the list of people has a new version."""
        group = self.groups[chat_id]
        for ident in left:
            group["members"].pop(ident, None)
        group["members"].update(joined)
        group["version"] += 1

    def on_group_edited(self, at: float, chat_id: str, fields: Row) -> None:
        self.groups[chat_id].update(fields)

    def on_group_dismissed(self, at: float, chat_id: str) -> None:
        self.groups[chat_id]["dismissed_at"] = at

    def on_group_message(self, at: float, chat_id: str, message: Row) -> None:
        self.groups[chat_id]["messages"].append({"at": at, **message})

    def on_group_way(self, at: float, way: Row) -> None:
        self.group_ways[way["config_id"]] = way

    def on_group_way_deleted(self, at: float, config_id: str) -> None:
        self.group_ways.pop(config_id, None)

    def on_group_welcome(self, at: float, welcome: Row) -> None:
        self.group_welcomes[welcome["template_id"]] = welcome

    def on_group_welcome_deleted(self, at: float, template_id: str) -> None:
        self.group_welcomes.pop(template_id, None)
