"""通讯录: departments and members within the visible range."""

from apps.wecom.client.transport import Transport
from apps.wecom.shapes import Department, DepartmentMember


class Directory(Transport):
    def list_departments(self) -> list[Department]:
        """The whole visible tree."""
        answer = self._call("department/list", effect=False)
        return [
            Department(
                id=int(row["id"]),
                name=row.get("name") or "",
                parent_id=int(row.get("parentid") or 0),
                order=int(row.get("order") or 0),
            )
            for row in answer.get("department") or ()
        ]

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
