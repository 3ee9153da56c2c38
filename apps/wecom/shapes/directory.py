"""Departments and members."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Department:
    id: int
    name: str
    parent_id: int
    order: int = 0


@dataclass(frozen=True, slots=True)
class DepartmentMember:
    """`status`: 1 active, 2 disabled, 4 not activated, 5 left."""

    userid: str
    name: str
    departments: tuple[int, ...]
    position: str
    status: int
