"""Every job that runs by the clock: how often, and what for. One list, in the order of the loop.

Rows are made once, after migrate; what head office changed afterwards is never changed back.
"""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.queues import queue_of
from apps.outreach.services.polling import OWN_BEAT_SECONDS


@dataclass(frozen=True, slots=True)
class Entry:
    """One job. `every` is seconds, or "HH:MM" of the chain's day."""

    job: str
    every: int | str
    title: Promise
    purpose: Promise
    if_stopped: Promise


ENTRIES = [
    Entry(
        "guide_tasks.hand_out_due", 60, _("Hand out pushes"),
        _("Hands out approved pushes when their hour has come, inside the hand-out hours; takes up "
          "a large hand-out that was interrupted."),
        _("approved pushes stay where they are"),
    ),
    Entry(
        "guide_tasks.hand_out_series", 60, _("Repeating pushes"),
        _("Makes the push of each repeating series when its day and hour have come."),
        _("repeating pushes do not go out; the days missed are named on their page"),
    ),
    Entry(
        "outreach.send_notices", 20, _("Notices to guides"),
        _("Sends the cards that tell guides in WeCom what there is to do."),
        _("guides hear of new tasks only when they open the page"),
    ),
    Entry(
        "outreach.send_queued", 20, _("Outbox"),
        _("Hands waiting sends to WeCom; the tap of a guide rings it at once."),
        _("messages wait"),
    ),
    Entry(
        "outreach.sweep", 60, _("Outbox safety net"),
        _("Finds what a crash or a lost reply left behind; never sends to a customer twice."),
        _("lost replies stay unknown"),
    ),
    Entry(
        "wecom_sync.handle_callbacks", 20, _("Callback inbox"),
        _("Turns stored WeCom events into friendships, greetings and records."),
        _("new friends and lost friends are seen late"),
    ),
    Entry(
        "wecom_sync.take_welcome_codes", 5, _("Welcome codes"),
        _("Takes the welcome codes of new friends out of the inbox; each event rings it at once."),
        _("new friends get no welcome by itself, and their guides a task instead"),
    ),
    Entry(
        "outreach.send_welcomes", 5, _("Welcomes"),
        _("Says hello to new friends within the 20 seconds that WeCom gives."),
        _("new friends get no welcome by itself, and their guides a task instead"),
    ),
    Entry(
        "contact_codes.push_codes", 20, _("Contact codes"),
        _("Tells WeCom about codes that are new, changed or stopped."),
        _("new codes cannot be scanned yet"),
    ),
    Entry(
        "contact_codes.refresh_duty", 60, _("Codes follow the duty"),
        _("Brings each contact code to who is at work and below the daily limit now."),
        _("customers are led to guides who are not there"),
    ),
    Entry(
        "contact_codes.read_links", 1800, _("Acquisition links"),
        _("Reads the quota of acquisition links, their opens, and which of them are gone."),
        _("a used-up quota is noticed late"),
    ),
    Entry(
        "wecom_sync.poll_results", 20, _("Send results"),
        _("Asks WeCom what became of each send: often at first, then once a day."),
        _("delivered messages do not close their tasks"),
    ),
    Entry(
        "customer_groups.hand_over", 60, _("Group codes and welcomes"),
        _("Brings codes of customer groups, welcomes and sends to groups to WeCom."),
        _("new group codes have no picture, groups get nothing"),
    ),
    Entry(
        "wecom_sync.read_owner_sends", 3600, _("Owners' own sends"),
        _("Reads what owners sent to their groups without us: WeCom's limit counts it as well."),
        _("a group that is full is noticed only after a send"),
    ),
    Entry(
        "wecom_sync.read_guide_sends", OWN_BEAT_SECONDS, _("Guides' own sends"),
        _("Reads what guides sent to customers without us: WeCom's limit counts it as well, and "
          "for a day colleagues leave these customers alone."),
        _("a customer who is full, or heard of a colleague today, is noticed only after a send"),
    ),
    Entry(
        "outreach.send_reminders", 60, _("Reminders of sends"),
        _("Has WeCom nudge guides who were chased and have not confirmed a send; three a day."),
        _("chased guides hear of it from our card alone"),
    ),
    Entry(
        "outreach.send_moments", 60, _("Moments posts"),
        _("Has WeCom make the moments posts that guides publish on their phones."),
        _("posts do not reach guides' phones"),
    ),
    Entry(
        "outreach.keep_pictures", 3600, _("Pictures of scripts"),
        _("Has the pictures of scripts in use lie at WeCom, which keeps each for three days."),
        _("sends upload them themselves; welcomes and the chat's sidebar go without them"),
    ),
    Entry(
        "contact_codes.keep_pictures", 3600, _("Pictures of codes' welcomes"),
        _("Has the pictures of codes' welcomes lie at WeCom, which keeps each for three days."),
        _("welcomes by codes go out without their picture"),
    ),
    Entry(
        "wecom_sync.poll_moments", 60, _("Published moments posts"),
        _("Asks WeCom which guides have published a post, and stops posts that were taken back."),
        _("published posts look unfinished"),
    ),
    Entry(
        "wecom_sync.read_moments", 300, _("Likes and comments in moments"),
        _("Reads what customers did under guides' posts: after an hour, a day, three and seven."),
        _("likes and comments stay as they were"),
    ),
    Entry(
        "wecom_sync.poll_group_sends", 20, _("Sends to groups"),
        _("Asks WeCom which groups have their owners' message: often at first, then once a day."),
        _("messages that reached their groups look unfinished"),
    ),
    Entry(
        "wecom_sync.read_guide_days", 600, _("Guides' days in WeCom"),
        _("Reads chats and replies of the day before and compares them with what guides declared."),
        _("morning figures, alerts and the mismatch list stay as they are"),
    ),
    Entry(
        "guide_tasks.take_clicks", 20, _("Clicks on links"),
        _("Turns a customer's tap on their own link into an outcome."),
        _("engagement is seen late"),
    ),
    Entry(
        "commissions.book_due", 60, _("Commission"),
        _("Counts the commission of orders that came in or changed; every line is added, none is "
          "changed."),
        _("guides see the commission of new orders late; nothing is lost"),
    ),
    Entry(
        "appointments.remind", 600, _("Appointments of the day"),
        _("Tells guides in the morning how many appointments the day has, and when the first is."),
        _("guides see their appointments only when they open the page"),
    ),
    Entry(
        "appointments.follow", 300, _("Appointments follow the people"),
        _("Gives appointments of who has left or is away that day to a colleague at work."),
        _("customers come to a guide who is not there"),
    ),
    Entry(
        "cases.tell_late", 600, _("Complaints past their time"),
        _("Puts complaints that were not closed in time before the stores' managers, once."),
        _("complaints that nobody takes up stay unnoticed until somebody opens the list"),
    ),
    Entry(
        "news.tell", 60, _("Must-read news"),
        _("Sends a card for each must-read piece of news when its time has come, and to who was "
          "away on the day they are back."),
        _("guides see must-read news only when they open the page"),
    ),
    Entry(
        "stock.lapse", 60, _("Pieces asked of other stores"),
        _("Ends requests for pieces that nobody answered, fetched or sent in time; tells both "
          "stores."),
        _("pieces stay promised that nobody keeps any more"),
    ),
    Entry(
        "guide_tasks.move_work", 60, _("Work follows the people"),
        _("Gives open tasks of who is covered, has left or works elsewhere to a colleague."),
        _("open tasks of leavers and of covered guides stay where nobody does them"),
    ),
    Entry(
        "handovers.send_calls", 60, _("Handovers"),
        _("Has WeCom begin to hand customers over; starting a handover rings it at once."),
        _("customers of leavers stay with nobody"),
    ),
    Entry(
        "risks.find_cases", "03:45", _("Risk signals"),
        _("Looks for guides who delete many customers, or contact many and never sell."),
        _("cases are opened a day late"),
    ),
    Entry(
        "handovers.ask_results", 300, _("Results of handovers"),
        _("Asks WeCom what became of customers on their way: often at first, then after a day."),
        _("customers who went over still look as if they were on their way"),
    ),
    Entry(
        "handovers.tell_unaccepted", 3600, _("Customers nobody accepts"),
        _("Tells store managers of customers that were given to a guide who has not said yes."),
        _("managers do not hear of customers whom nobody has accepted"),
    ),
    Entry(
        "handovers.send_groups", 60, _("Groups of handovers"),
        _("Has WeCom give groups their new owners; starting a handover rings it at once."),
        _("groups of leavers stay without an owner"),
    ),
    Entry(
        "handovers.look_at_groups", 300, _("New owners of groups"),
        _("Looks at groups on their way until WeCom shows the new owner."),
        _("groups that have a new owner still look as if they were on their way"),
    ),
    Entry(
        "guide_tasks.withdraw_rest", 60, _("Taking back"),
        _("Finishes what taking back a large push has left."),
        _("tasks of a push that was taken back stay on today's lists"),
    ),
    Entry(
        "guide_tasks.expire_due", 300, _("Tasks past their time"),
        _("Marks what was not proven by the deadline as expired."),
        _("overdue tasks stay open"),
    ),
    Entry(
        "ingest.trim_idempotency", "03:40", _("Answers of the API"),
        _("Forgets answers to tills and malls once nobody can ask for them again."),
        _("the table of kept answers grows"),
    ),
    Entry(
        "guide_tasks.escalate_overdue", 900, _("Overdue, to the managers"),
        _("Tells store managers once what stays overdue although the guides were reminded."),
        _("managers hear of overdue tasks only when they look"),
    ),
    Entry(
        "guide_tasks.count_quotas", 300, _("Recruiting quotas"),
        _("Counts new members and new friends of guides whose task is to win some."),
        _("reached quotas look unfinished"),
    ),
    Entry(
        "guide_tasks.close_due", 3600, _("Close pushes"),
        _("Closes a push when its time and its outcome window are over."),
        _("finished pushes look as if they were running"),
    ),
    Entry(
        "guide_tasks.run_rules", 300, _("Rule tasks"),
        _("Makes greeting, care and follow-up tasks, and reminders of appointments."),
        _("the loop does not turn by itself"),
    ),
    Entry(
        "guide_tasks.daily_rules", 900, _("Rule tasks of the day"),
        _("Once a day from 06:00: birthdays, visits, thanks, repurchase, silence, goods, leads."),
        _("guides hear of no birthday and no silence"),
    ),
    Entry(
        "reports.count_scripts", 900, _("Results of scripts"),
        _("Counts what became of messages, script by script, for the guides' library."),
        _("the script library shows older results"),
    ),
    Entry(
        "profiles.nightly_stages", "02:30", _("Life-cycle stages"),
        _("Moves members to the stage their last purchase says: active, silent, lost."),
        _("segments see yesterday's stages"),
    ),
    Entry(
        "profiles.count_returns", "02:40", _("Shares that come back"),
        _("Counts which share of whom came back in 90 days; today's list is ordered by it."),
        _("today's list is ordered by older shares, or by value alone"),
    ),
    Entry(
        "tagging.expire_tags", "02:50", _("Tags past their time"),
        _("Takes off tags that were given for a time only."),
        _("a tag stays on members longer than meant"),
    ),
    Entry(
        "wecom_sync.reconcile", "03:00", _("Compare with WeCom"),
        _("Compares departments, staff, friends with WeCom and heals differences."),
        _("a missed event stays missed"),
    ),
    Entry(
        "wecom_sync.go_on", 600, _("Comparisons that stopped"),
        _("Goes on with a comparison whose worker was lost or whom WeCom asked to slow down."),
        _("a comparison that stopped waits for the night"),
    ),
    Entry(
        "wecom_sync.push_tags", 60, _("Tags to WeCom"),
        _("Marks customers in WeCom with tags that changed here, where a tag group says so."),
        _("guides see older tags in WeCom"),
    ),
    Entry(
        "wecom.forget_callbacks", "03:20", _("Old callbacks"),
        _("Drops handled callbacks past their keeping."),
        _("the inbox grows"),
    ),
    Entry(
        "outreach.forget_welcomes", "03:25", _("Old welcomes"),
        _("Drops welcomes to new friends past their keeping."),
        _("the list of welcomes grows"),
    ),
    Entry(
        "outreach.forget_notices", "03:23", _("Old cards to guides"),
        _("Drops cards to guides past their keeping."),
        _("the list of cards grows"),
    ),
    Entry(
        "customer_groups.forget_sends", "03:29", _("Old sends to groups"),
        _("Drops sends to groups past their keeping."),
        _("the list of sends to groups grows"),
    ),
    Entry(
        "outreach.forget_reminders", "03:26", _("Old reminders of sends"),
        _("Drops reminders of sends, and guides' own sends, past their keeping."),
        _("the list of reminders grows"),
    ),
    Entry(
        "outreach.forget_readings", "03:24", _("Old likes and comments"),
        _("Drops numbers of likes and comments under posts past their keeping."),
        _("the list of likes and comments grows"),
    ),
    Entry(
        "contact_codes.forget_scans", "03:27", _("Old scans of codes"),
        _("Drops opens of codes' pages past their keeping."),
        _("the list of scans grows"),
    ),
    Entry(
        "wecom_sync.forget_tag_words", "03:28", _("Old history of tags"),
        _("Drops what guides and head office said of tags a year ago."),
        _("the history of tags with WeCom grows"),
    ),
    Entry(
        "guide_portal.forget_receipts", "03:30", _("Receipts of phones"),
        _("Drops receipts of what guides' phones sent, past their keeping."),
        _("the table of receipts grows"),
    ),
    Entry(
        "guide_portal.daily_cards", "08:30", _("Daily figures"),
        _("Sends store and regional managers a card with yesterday's counts and rates."),
        _("managers see the figures only when they open the page"),
    ),
    Entry(
        "guide_portal.forget_drafts", "03:35", _("Old enrolment drafts"),
        _("Deletes what guides noted about people who have not joined within 30 days."),
        _("names of people who agreed to nothing are kept longer than meant"),
    ),
    Entry(
        "member_portal.make_contact_codes", 60, _("Contact codes of new members"),
        _("Has WeCom make the code by which a new member adds the guide."),
        _("a new member sees the guide's name without a way to add them"),
    ),
    Entry(
        "member_portal.tidy", "03:50", _("Old codes"),
        _("Drops codes sent to phones after a day and takes back old contact codes."),
        _("codes are kept longer than meant"),
    ),
    Entry(
        "core.forget_files", "04:10", _("Pictures nobody uses"),
        _("Deletes pictures older than a day that no script, code, message or photo names."),
        _("replaced pictures take up room"),
    ),
    Entry(
        "core.make_partitions", "03:40", _("Partitions"),
        _("Makes the months ahead before anybody writes into them."),
        _("when next month is missing the product takes no more traffic"),
    ),
]  # fmt: skip

# the demo's guide looks at the phone while WeCom's word is on its way, and the next step comes at
# once
DEMO_PACE = {"wecom_sync.poll_results": 3, "guide_tasks.run_rules": 10, "outreach.sweep": 10}

BY_JOB = {entry.job: entry for entry in ENTRIES}
ORDER = {entry.job: place for place, entry in enumerate(ENTRIES)}


def _pace(entry: Entry) -> int | str:
    return DEMO_PACE.get(entry.job, entry.every) if settings.DEMO else entry.every


def _schedule(every: int | str, models: Any) -> dict[str, Any]:
    if isinstance(every, int):
        seconds = models.get_model("IntervalSchedule")
        interval, _made = seconds.objects.get_or_create(every=every, period="seconds")
        return {"interval": interval}
    hour, minute = every.split(":")
    crontab, _made = models.get_model("CrontabSchedule").objects.get_or_create(
        minute=str(int(minute)),
        hour=str(int(hour)),
        day_of_week="*",
        day_of_month="*",
        month_of_year="*",
        timezone=settings.CHAIN_TIME_ZONE,
    )
    return {"crontab": crontab}


def seed(sender: Any, **kwargs: Any) -> None:
    """After migrate: make the entries that are not there yet, change none that are."""
    task = sender.get_model("PeriodicTask")
    known = set(task.objects.values_list("task", flat=True))
    for entry in ENTRIES:
        if entry.job not in known:
            queue = queue_of(entry.job)
            task.objects.create(
                name=entry.job,
                task=entry.job,
                queue=str(queue) if queue else None,
                description=str(entry.purpose),
                kwargs=json.dumps({}),
                **_schedule(_pace(entry), sender),
            )
