"""Who this corp is: from the environment, a JSON file, or the control API."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .world import Row

DEMO_CORP = "ww5c5d000000000001"


def agents_from(rows: list[Row]) -> dict[str, Row]:
    """Agents by id, with every field there."""
    return {
        str(row["agentid"]): {
            "agentid": int(row["agentid"]),
            "secret": str(row["secret"]),
            "name": str(row.get("name", "客户任务")),
            "trusted_domain": str(row.get("trusted_domain", "")),
            "customer_contact": bool(row.get("customer_contact", True)),
            "visible_departments": row.get("visible_departments"),
            "trusted_ips": row.get("trusted_ips"),
            "visible_users": row.get("visible_users"),
            "disabled": bool(row.get("disabled", False)),
            "forbidden": [str(path) for path in row.get("forbidden") or ()],
            "domain_unproven": bool(row.get("domain_unproven", False)),
        }
        for row in rows
    }


def corp_from(env: Mapping[str, str], product_url: str, file: Path | None) -> Row:
    """The corp to start with; the file wins over the environment."""
    given: dict[str, Any] = json.loads(file.read_text()) if file else {}
    agents = given.get("agents") or [
        {
            "agentid": env.get("WECOM_AGENT_ID") or "1000002",
            "secret": env.get("WECOM_SECRET") or "simulated-app-secret",
            "trusted_domain": env.get("SIM_TRUSTED_DOMAIN", ""),
        }
    ]
    return {
        "corp_id": given.get("corp_id") or env.get("WECOM_CORP_ID") or DEMO_CORP,
        "name": given.get("name") or env.get("SIM_CORP_NAME") or "示例连锁",
        "contact_secret": given.get("contact_secret") or env.get("WECOM_CONTACT_SECRET", ""),
        "agents": agents_from(agents),
        "sidebar_url": given.get("sidebar_url")
        or f"{product_url.rstrip('/')}/g/sign-in/?next=/g/sidebar/",
    }


def target_from(env: Mapping[str, str] = os.environ) -> Row | None:
    """The callback address of the environment, unchecked: the product may start later."""
    names = {"url": "WECOM_CALLBACK_URL", "token": "WECOM_TOKEN", "aes_key": "WECOM_AES_KEY"}
    target = {name: env.get(variable, "") for name, variable in names.items()}
    return target if all(target.values()) else None
