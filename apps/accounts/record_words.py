"""The record in words: what was done, to what, and the details, as the pages call them."""

from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.naming import models_by_word

ACTION_WORDS = {
    "account.wecom_ended": _("sign-in by a scan ended: the WeCom account was deleted"),
    "account.wecom_moved": _("sign-in by a scan follows the new WeCom account name"),
    "account.wecom_sign_in": _("signed in by a scan"),
    "account.wecom_sign_in_refused": _("sign-in by a scan refused"),
    "api_key.revoked": _("API key revoked"),
    "case.closed": _("complaint closed"),
    "case.in_hand": _("complaint taken in hand"),
    "case.open": _("complaint left to the store"),
    "case.opened": _("complaint written down"),
    "case.photo_withdrawn": _("photo of a complaint taken back"),
    "case.photos": _("photos added to a complaint"),
    "case.reopened": _("complaint opened again"),
    "concession.asked": _("asked for a concession"),
    "concession.granted": _("concession granted"),
    "concession.refused": _("concession refused"),
    "concession.withdrawn": _("request for a concession taken back"),
    "claim.asked": _("asked to become the serving guide"),
    "claim.granted": _("request to become the serving guide granted"),
    "claim.refused": _("request to become the serving guide refused"),
    "claim.withdrawn": _("request to become the serving guide taken back"),
    "commission.answered": _("question about commission answered"),
    "commission.closed": _("month of commission closed"),
    "commission.exported": _("commission of a month exported"),
    "contact_code.again": _("contact code told to WeCom again"),
    "contact_code.changed": _("contact code changed"),
    "contact_code.handed_over": _("contact codes point to the successor"),
    "contact_code.made": _("contact code made"),
    "contact_code.made_for_stores": _("contact codes made for stores"),
    "contact_code.stopped": _("contact code stopped"),
    "cover.ended": _("cover ended"),
    "cover.started": _("cover started"),
    "duty.off": _("day off marked"),
    "duty.on": _("day off taken back"),
    "duty.week_repeated": _("days off repeated for the next week"),
    "excuses.confirmed": _("not applicable confirmed"),
    "excuses.returned": _("not applicable sent back"),
    "guide.made_anew": _("WeCom account given to somebody new"),
    "guide.newcomer_waits": _("newcomer waits until the leaver's customers are handed over"),
    "group_code.made": _("group code made"),
    "group_send.decided": _("send to groups settled"),
    "group_thing.decided": _("group code or welcome settled"),
    "group_welcome.changed": _("welcome of groups changed"),
    "group_welcome.made": _("welcome of groups made"),
    "handover.again": _("handover tried again"),
    "handover.allowed": _("handover between owners allowed"),
    "handover.asked": _("handover between owners asked for"),
    "handover.dropped": _("plan of a handover dropped"),
    "handover.exported": _("report of a handover exported"),
    "handover.kept_in_store": _("customers left over by WeCom served by the store"),
    "handover.not_allowed": _("handover between owners not allowed"),
    "handover.planned": _("handover planned"),
    "handover.started": _("handover started"),
    "item.approved": _("photo approved"),
    "item.chased": _("colleagues reminded of a store task"),
    "item.ended": _("store tasks of who left or is away ended"),
    "item.extended": _("store task given more time"),
    "item.moved": _("store tasks moved to a colleague"),
    "item.refused": _("photo sent back"),
    "item.reopened": _("store task opened again"),
    "item.withdrawn": _("store task taken back"),
    "item_excuses.confirmed": _("store work not applicable confirmed"),
    "item_excuses.returned": _("store work not applicable sent back"),
    "job.changed": _("job settings changed"),
    "job.run": _("job started by hand"),
    "member.access_asked": _("asked to see a customer"),
    "member.access_granted": _("look at a customer granted"),
    "member.access_refused": _("look at a customer refused"),
    "member.access_used": _("customer of others seen"),
    "member.erased": _("personal data deleted"),
    "member.lookup_limit": _("limit of look-ups reached"),
    "member.lookup_settled": _("alert on look-ups settled"),
    "member.phone_asked": _("asked to see a phone number"),
    "member.phone_granted": _("one look at a phone number granted"),
    "member.phone_refused": _("look at a phone number refused"),
    "member.phone_unmasked": _("phone number seen"),
    "member.stop_lifted": _("may be contacted again"),
    "member.stopped": _("not to be contacted any more"),
    "members.shared_out": _("customers shared out to guides"),
    "mismatch.looked_at": _("mismatch looked at"),
    "moment.decided": _("moments post settled"),
    "news.reminded": _("guides reminded of a piece of news"),
    "reassignment.accepted": _("customers from a colleague accepted"),
    "reassignment.over": _("customers nobody accepted given to a colleague"),
    "reassignment.questioned": _("customers from a colleague questioned"),
    "reassignment.settled": _("question about customers answered"),
    "push.approved": _("push approved"),
    "push.deleted": _("push deleted"),
    "push.extended": _("push given more time"),
    "push.handed_out": _("push handed out"),
    "push.retimed": _("push given other times in a region"),
    "push.returned": _("push sent back to draft"),
    "push.reminded": _("owners reminded in WeCom"),
    "push.withdrawn": _("push taken back"),
    "risk.decided": _("risk signal decided"),
    "risk.rule_changed": _("risk rule changed"),
    "risk.taken": _("risk signal looked into"),
    "series.changed": _("repeating push changed"),
    "series.ended": _("repeating push ended"),
    "series.paused": _("repeating push paused"),
    "series.resumed": _("repeating push resumed"),
    "series.started": _("repeating push started"),
    "script_proposal.chain_opened": _("script of a store opened to the chain"),
    "script_proposal.chain_refused": _("script of a store not opened to the chain"),
    "script_proposal.refused": _("proposed script not taken"),
    "script_proposal.taken": _("proposed script taken into the library"),
    "script_variant.withdrawn": _("store's wording withdrawn"),
    "script_variant.written": _("store's wording written"),
    "send.decided": _("send settled"),
    "stage_version.published": _("stage parameters published"),
    "store.closed": _("closed day marked"),
    "store.live": _("store switched on"),
    "store.not_live": _("store switched off"),
    "store.open": _("closed day taken back"),
    "store_move.kept": _("stays, although WeCom shows another department"),
    "store_move.taken": _("posted to the store of their WeCom department"),
    "target.withdrawn": _("customer taken off a task"),
    "task.chased": _("guides reminded"),
    "task.extended": _("task given more time"),
    "task.moved": _("tasks moved to a colleague"),
    "task.reopened": _("task opened again"),
    "visit.item_closed": _("follow-up of a visit closed"),
    "visit.kept": _("store visit noted"),
    "wecom.checked": _("WeCom connection checked"),
    "wecom.connected": _("WeCom app connected"),
    "wecom.keys_renewed": _("callback keys made anew"),
    "wecom.replay_callbacks": _("callbacks taken up again"),
}
VERB_WORDS = {
    "added": _("added: %(what)s"),
    "changed": _("changed: %(what)s"),
    "deleted": _("deleted: %(what)s"),
    "exported": _("exported: %(what)s"),
    "imported": _("imported: %(what)s"),
    "left": _("left: %(what)s"),
    "returned": _("back: %(what)s"),
}


DETAIL_WORDS = {
    "again": pgettext_lazy("record", "again"),
    "cause": _("cause"),
    "complaints": pgettext_lazy("record", "complaints"),
    "change_type": pgettext_lazy("record", "change type"),
    "changed": _("changed"),
    "chats": _("chats"),
    "code": pgettext_lazy("record", "code"),
    "codes": pgettext_lazy("record", "contact codes"),
    "corp_id": _("corp id"),
    "count": _("number"),
    "covering": _("covering guide no."),
    "customers": pgettext_lazy("record", "customers"),
    "dry": pgettext_lazy("record", "dry run"),
    "day": _("day"),
    "days": _("days"),
    "declared": _("declared contacts"),
    "drafts": pgettext_lazy("record", "invitations"),
    "event": pgettext_lazy("record", "event"),
    "excused": _("marked not applicable"),
    "fields": _("columns"),
    "first": _("first day"),
    "format": _("format"),
    "from": pgettext_lazy("record", "before"),
    "guide": _("guide no."),
    "guide_id": _("guide no."),
    "groups": pgettext_lazy("record", "groups"),
    "guides": _("guide numbers"),
    "handled": pgettext_lazy("record", "handled ones too"),
    "happened": pgettext_lazy("record", "happened"),
    "ids": _("numbers"),
    "issued": _("issued"),
    "items": _("tasks"),
    "key": _("rule"),
    "kind": pgettext_lazy("record", "kind"),
    "lines": _("lines"),
    "members": _("members"),
    "month": _("month"),
    "new": _("new"),
    "opens": _("opens at"),
    "outcome": pgettext_lazy("record", "outcome"),
    "pieces": pgettext_lazy("record", "pieces kept or sent"),
    "published": _("published"),
    "reason": _("reason"),
    "push_id": _("push no."),
    "refused": _("left out"),
    "region": _("region no."),
    "replayed": _("replayed"),
    "request": _("request no."),
    "returned": _("taken back into the open"),
    "rows": _("rows"),
    "since": pgettext_lazy("record", "since"),
    "state": pgettext_lazy("record", "state"),
    "step": pgettext_lazy("record", "step"),
    "store": _("store no."),
    "store_id": _("store no."),
    "targets": _("tasks of customers"),
    "tasks": _("tasks"),
    "to": _("to"),
    "until": pgettext_lazy("record", "until"),
    "updated": _("changed"),
}
# reasons that stand in details as codes
VALUE_WORDS = {
    "after_sales": _("after-sales question"),
    "asked_for_me": _("TA asks for me"),
    "away": pgettext_lazy("concession", "TA could not come earlier"),
    "discount": pgettext_lazy("concession", "Discount"),
    "gift": pgettext_lazy("concession", "It was a present"),
    "last_piece": pgettext_lazy("concession", "Display or last piece"),
    "late_return": pgettext_lazy("concession", "Late return"),
    "loyal": pgettext_lazy("concession", "TA has bought with us for long"),
    "make_good": pgettext_lazy("concession", "To make good for a mistake of ours"),
    "attitude": pgettext_lazy("complaint", "How TA was served"),
    "called": _("TA called or wrote"),
    "cover": _("I stand in for a colleague"),
    "covered": _("covered by a colleague"),
    "delivery": pgettext_lazy("complaint", "Delivery"),
    "erased": pgettext_lazy("complaint", "TA had the data deleted"),
    "exchanged": pgettext_lazy("complaint", "Goods exchanged"),
    "explained": pgettext_lazy("complaint", "Explained, apologised"),
    "friend": _("TA is my WeCom friend"),
    "in_shop": _("TA is in the shop now"),
    "left": _("the guide left the store"),
    "made_good": pgettext_lazy("complaint", "Made good in another way"),
    "other": pgettext_lazy("complaint", "Something else"),
    "quality": pgettext_lazy("complaint", "Quality"),
    "repaired": pgettext_lazy("complaint", "Repaired"),
    "returned": pgettext_lazy("complaint", "Goods taken back"),
    "size": pgettext_lazy("complaint", "Size"),
    "sold": _("TA buys with me"),
    "unfounded": pgettext_lazy("complaint", "Nothing to it"),
    "reassigned": _("reassigned by the manager"),
    "served": _("I have looked after TA for long"),
    "shared_out": _("shared out by the manager"),
    "withdrawn": _("push taken back"),
}


YES, NO = pgettext_lazy("record", "yes"), pgettext_lazy("record", "no")


def plain(value: Any) -> str:
    """A detail's value: a list with commas, a code in words, anything else as it is."""
    if isinstance(value, bool):
        return str(YES if value else NO)
    if isinstance(value, list):
        return "、".join(map(str, value))
    return str(VALUE_WORDS.get(value, value)) if isinstance(value, str) else str(value)


def detail_words(detail: dict[str, Any]) -> str:
    """Details in words, kept short."""
    return " · ".join(
        f"{DETAIL_WORDS.get(key, key)} {plain(value)}" for key, value in detail.items()
    )


def object_words(object_type: str) -> str:
    """What kind of thing it was about, in the words of the pages."""
    model = models_by_word().get(object_type)
    return str(model._meta.verbose_name) if model else object_type


def action_words(action: str) -> str:
    """What was done, in words; an action without words stays as it is."""
    if action in ACTION_WORDS:
        return str(ACTION_WORDS[action])
    word, _dot, verb = action.rpartition(".")
    model = _model_of(word)
    if model is None or verb not in VERB_WORDS:
        return action
    return str(VERB_WORDS[verb]) % {"what": model._meta.verbose_name}


def _model_of(word: str) -> type[Model] | None:
    """Actions call a thing `task_rule`, those of lists `taskrule`."""
    known = models_by_word()
    by_name = (model for model in known.values() if model._meta.model_name == word)
    return known.get(word) or next(by_name, None)
