"""What lists of every room show of a member."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.members.selectors import listed_name


class MemberColumn:
    """`show_member`: the masked name, on to the member's page. Whoever uses it joins `member`."""

    @admin.display(description=_("member"))
    def show_member(self, row: Any) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>',
            f"/admin/members/{row.member.public_id}/",
            listed_name(row.member),
        )
