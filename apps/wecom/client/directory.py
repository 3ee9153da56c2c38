"""通讯录: departments and members within the visible range."""

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import Refused
from apps.wecom.shapes import Department, DepartmentMember

TOO_LARGE = 45029
# deleted or never there; outside the app's visible range
NO_DEPARTMENT = frozenset({60003, 60123, 60011})


class Directory(Transport):
    def list_departments(self) -> list[Department]:
        """The whole visible tree; where it is too large for one answer, branch by branch."""
        try:
            return self._branch(None)
        except Refused as error:
            if error.errcode != TOO_LARGE:
                raise
        answer = self._call("department/simplelist", effect=False)
        below: dict[int, list[int]] = {}
        for row in answer.get("department_id") or ():
            below.setdefault(int(row.get("parentid") or 0), []).append(int(row["id"]))
        inside = {ident for children in below.values() for ident in children}
        tops = [ident for parent in below.keys() - inside for ident in below[parent]]
        return [one for ident in sorted(tops) for one in self._in_parts(ident, below)]

    def _in_parts(self, ident: int, below: dict[int, list[int]]) -> list[Department]:
        """A department with everything under it, its own branches apart if they are too many."""
        try:
            return self._branch(ident)
        except Refused as error:
            if error.errcode != TOO_LARGE or not below.get(ident):
                raise
        own = self._call("department/get", params={"id": ident}, effect=False)["department"]
        rest = [one for child in below[ident] for one in self._in_parts(child, below)]
        return [_department(own), *rest]

    def _branch(self, ident: int | None) -> list[Department]:
        params = None if ident is None else {"id": ident}
        answer = self._call("department/list", params=params, effect=False)
        return [_department(row) for row in answer.get("department") or ()]

    def get_department(self, department_id: int) -> Department | None:
        """One department; None when it is gone or the app may not see it."""
        params = {"id": department_id}
        try:
            answer = self._call("department/get", params=params, effect=False)
        except Refused as error:
            if error.errcode in NO_DEPARTMENT:
                return None
            raise
        return _department(answer["department"])

    def list_department_members(self, department_id: int) -> list[DepartmentMember]:
        """Members who sit in this very department, without its sub-departments."""
        answer = self._call("user/list", params={"department_id": department_id}, effect=False)
        return [
            DepartmentMember(
                userid=row["userid"],
                name=row.get("name") or "",
                departments=tuple(int(d) for d in row.get("department") or ()),
                position=row.get("position") or "",
                status=int(row.get("status") or 1),
            )
            for row in answer.get("userlist") or ()
        ]


def _department(row: Json) -> Department:
    return Department(
        id=int(row["id"]),
        name=row.get("name") or "",
        parent_id=int(row.get("parentid") or 0),
        order=int(row.get("order") or 0),
    )
