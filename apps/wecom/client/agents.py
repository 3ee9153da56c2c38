"""The app itself, as WeCom has it."""

from apps.wecom.client.transport import Transport
from apps.wecom.shapes import Agent, DepartmentMember

NOT_VISIBLE = 60111  # unknown, gone, or outside the visible range


class Agents(Transport):
    def get_agent(self) -> Agent:
        """Who may see this app and which domain it trusts."""
        answer = self._call("agent/get", params={"agentid": self.agent_id}, effect=False)
        users = (answer.get("allow_userinfos") or {}).get("user") or ()
        departments = (answer.get("allow_partys") or {}).get("partyid") or ()
        return Agent(
            name=answer.get("name") or "",
            trusted_domain=answer.get("redirect_domain") or "",
            closed=int(answer.get("close") or 0) == 1,
            userids=tuple(user["userid"] for user in users),
            departments=tuple(int(department) for department in departments),
        )

    def look_up_member(self, userid: str) -> DepartmentMember:
        """One member. `Refused` with NOT_VISIBLE when unknown or outside the visible range."""
        row = self._call("user/get", params={"userid": userid}, effect=False)
        return DepartmentMember(
            userid=row["userid"],
            name=row.get("name") or "",
            departments=tuple(int(d) for d in row.get("department") or ()),
            position=row.get("position") or "",
            status=int(row.get("status") or 1),
        )
