"""Moments posts: one call each, guides publish on their phones, WeCom's word finishes the item."""

from datetime import timedelta
from urllib.request import urlopen
from uuid import uuid4

import pytest
from django.utils.translation import gettext, override

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.outreach import attachments
from apps.outreach import services as outreach
from apps.outreach.models import MediaUpload, MomentPost, MomentReading, TrackedLink
from apps.outreach.services import moment_readings, moments
from apps.outreach.services.links import link_address
from apps.stores.models import Posting
from apps.wecom_sync import services
from tests.factories.facts import make_guide
from tests.factories.items import make_item_push, png
from tests.factories.outreach import CORP, make_friends, seed
from tests.factories.wecom import pauses_are_over

pytestmark = pytest.mark.django_db


@pytest.fixture
def colleague(guide, simulator):
    store = Posting.objects.get(guide=guide).store
    other = make_guide(store, corp=CORP)
    seed(simulator, other)
    return other


@pytest.fixture
def push(guide, colleague):
    return make_item_push(clock.now(), kind=TaskPush.Kind.MOMENTS, body="秋冬新靴到店，欢迎来试。")


def later(**span):
    return clock.now() + timedelta(**span)


def made(simulator):
    return [call["effect"]["moment_id"] for call in calls(simulator) if call.get("effect")]


def calls(simulator):
    return simulator.calls("externalcontact/add_moment_task")


def poll(now):
    MomentPost.objects.update(not_before=now)
    return services.poll_moments(now=now)


def states():
    return dict(TaskItem.objects.values_list("guide__wecom_userid", "state"))


def test_wecoms_word_finishes_the_item_of_who_published(push, guide, colleague, simulator):
    assert outreach.send_moments(now=later(seconds=1)) == 1
    assert outreach.send_moments(now=later(seconds=2)) == 0
    (moment_id,) = made(simulator)

    assert poll(later(minutes=1)) == 0
    simulator.post("/sim/moments/publish", userid=guide.wecom_userid, moment_id=moment_id)
    assert poll(later(minutes=5)) == 1
    assert poll(later(minutes=9)) == 0

    assert states() == {guide.wecom_userid: State.DONE, colleague.wecom_userid: State.OPEN}
    assert TaskItem.objects.get(guide=guide).proof == "wecom"
    simulator.post("/sim/moments/publish", userid=colleague.wecom_userid, moment_id=moment_id)
    assert poll(later(minutes=12)) == 1
    assert MomentPost.objects.get().state == "closed"


def test_a_push_has_one_post_however_often_it_is_queued(push, guide, simulator):
    again = moments.queue_moment(
        source=push.source,
        corp_id=CORP,
        userids=[guide.wecom_userid],
        text="anders",
        not_before=clock.now(),
        closes_at=later(days=1),
    )

    assert again is False
    outreach.send_moments(now=later(seconds=1))
    assert len(made(simulator)) == 1


def test_a_worker_that_died_before_the_call_reached_wecom_lets_it_be_made_once(push, simulator):
    MomentPost.objects.update(call_started_at=clock.now())

    assert outreach.send_moments(now=later(seconds=5)) == 0  # WeCom's list may lag behind
    assert outreach.send_moments(now=later(minutes=3)) == 0
    assert outreach.send_moments(now=later(minutes=16)) == 0  # the list knows none: from the start
    assert outreach.send_moments(now=later(minutes=17)) == 1
    assert len(made(simulator)) == 1


def test_a_post_whose_time_is_over_is_not_made_any_more(push, simulator):
    assert outreach.send_moments(now=MomentPost.objects.get().closes_at) == 0

    assert calls(simulator) == []
    assert MomentPost.objects.get().state == "closed"


def test_a_post_taken_back_while_its_call_was_open_is_not_made_later(push, simulator):
    MomentPost.objects.update(call_started_at=clock.now())
    moments.drop_moment(source=push.source, now=clock.now())

    for minutes in (20, 25, 30):
        outreach.send_moments(now=later(minutes=minutes))

    assert calls(simulator) == []
    assert MomentPost.objects.get().state == "closed"


def test_a_worker_that_died_after_the_call_finds_the_post_and_makes_no_second(push, simulator):
    outreach.send_moments(now=later(seconds=1))
    MomentPost.objects.update(state="queued", jobid="", not_before=clock.now())

    assert outreach.send_moments(now=later(minutes=16)) == 1
    post = MomentPost.objects.get()
    assert [post.moment_id] == made(simulator)
    assert post.state == "made"


@pytest.fixture
def unknown(push, simulator):
    """WeCom has two posts with this text and the reply to our call was lost."""
    outreach.send_moments(now=later(seconds=1))
    MomentPost.objects.update(
        state="queued", jobid="", call_started_at=None, not_before=clock.now()
    )
    outreach.send_moments(now=later(seconds=2))
    MomentPost.objects.update(state="queued", jobid="", not_before=clock.now())
    outreach.send_moments(now=later(minutes=16))
    return MomentPost.objects.get()


def decide(post, *, published, now=None):
    return outreach.decide_moment(
        post=post, published=published, actor=SYSTEM, now=now or later(minutes=20)
    )


def test_two_posts_with_this_text_are_for_a_person_to_settle(unknown, simulator):
    assert unknown.state == "unknown"
    assert unknown.unknown_since is not None
    assert outreach.send_moments(now=later(minutes=40)) == 0


def test_why_nobody_knows_is_said_in_the_language_of_the_house(unknown):
    with override("zh-hans"):
        said = gettext("the reply was lost; WeCom's list shows several posts with this text")

    assert unknown.reason == said
    assert "企微" in said


def test_a_person_says_it_is_there_and_wecoms_word_counts_again(unknown, guide, simulator):
    decided = decide(unknown, published=True)

    assert (decided.state, decided.unknown_since) == ("made", None)
    assert decided.moment_id in made(simulator)
    assert len(calls(simulator)) == 2
    simulator.post("/sim/moments/publish", userid=guide.wecom_userid, moment_id=decided.moment_id)
    assert poll(later(minutes=25)) == 1
    assert states()[guide.wecom_userid] == State.DONE


def test_a_person_says_it_is_not_there_and_it_is_made_once_more(unknown, simulator):
    decided = decide(unknown, published=False)

    assert decided.state == "queued"
    assert outreach.send_moments(now=later(minutes=21)) == 1
    assert outreach.send_moments(now=later(minutes=22)) == 0
    assert len(calls(simulator)) == 3


def test_a_post_whose_push_was_taken_back_is_not_made_by_a_persons_word(unknown, push, simulator):
    moments.drop_moment(source=push.source, now=clock.now())

    assert decide(unknown, published=False).state == "closed"
    assert outreach.send_moments(now=later(minutes=30)) == 0
    assert len(calls(simulator)) == 2


def test_a_post_is_settled_once(unknown, simulator):
    decide(unknown, published=True)

    with pytest.raises(outreach.PostNotUnknown):
        decide(MomentPost.objects.get(), published=False)
    assert MomentPost.objects.get().state == "made"


def test_it_is_there_needs_a_look_at_wecoms_list(unknown, simulator):
    simulator.post("/sim/faults", path="externalcontact/get_moment_list", errcode=45009, times=9)

    with pytest.raises(outreach.ListNotReadable):
        decide(unknown, published=True)
    assert MomentPost.objects.get().state == "unknown"


def test_senders_wecom_does_not_know_end_as_a_failed_post_with_its_reason(guide, simulator):
    simulator.post("/sim/reset")
    make_item_push(clock.now(), kind=TaskPush.Kind.MOMENTS)
    outreach.send_moments(now=later(seconds=1))
    poll(later(minutes=1))

    post = MomentPost.objects.get()
    assert (post.state, post.reason) == ("failed", "WeCom 40003")


def test_a_refused_call_is_tried_again_later_and_not_for_ever(push, simulator):
    simulator.post("/sim/faults", path="externalcontact/add_moment_task", errcode=-1, times=1)

    assert outreach.send_moments(now=later(seconds=1)) == 0
    post = MomentPost.objects.get()
    assert (post.state, post.attempts) == ("queued", 1)
    assert outreach.send_moments(now=later(minutes=3)) == 1


def test_published_after_the_end_still_counts_while_wecom_is_asked(push, guide, simulator):
    outreach.send_moments(now=later(seconds=1))
    (moment_id,) = made(simulator)
    TaskItem.objects.update(state=State.EXPIRED)
    simulator.post("/sim/moments/publish", userid=guide.wecom_userid, moment_id=moment_id)

    poll(later(days=2))
    assert states()[guide.wecom_userid] == State.DONE


# --- pictures and links ---------------------------------------------------------------------------


@pytest.fixture
def kept(settings, tmp_path):
    """A picture of ours that a post may carry."""
    settings.MEDIA_ROOT = str(tmp_path)
    return attachments.keep_file(attachments.clean_picture(png()))


def post_with(*pieces):
    return make_item_push(
        clock.now(), kind=TaskPush.Kind.MOMENTS, body="新靴到店", attachments=list(pieces)
    )


def test_a_posts_pictures_are_uploaded_for_moments_and_seen_by_friends(guide, kept, simulator):
    (friend,) = make_friends(guide, simulator=simulator)
    MediaUpload.objects.create(  # a message's id is good for nothing here
        corp_id=CORP, file=kept, media_id="message", expires_at=later(days=2)
    )
    post_with(attachments.picture(kept))
    assert outreach.send_moments(now=later(seconds=1)) == 1

    (call,) = calls(simulator)
    (shown,) = call["body"]["attachments"]
    media_id = shown["image"]["media_id"]
    assert MediaUpload.objects.get(for_moments=True).media_id == media_id != "message"
    (moment_id,) = made(simulator)
    simulator.post("/sim/moments/publish", userid=guide.wecom_userid, moment_id=moment_id)
    with urlopen(f"{simulator.url}/phone/customer/{friend[1]}/moments/", timeout=5) as answer:
        assert f"/media/{media_id}" in answer.read().decode()


def test_a_post_carries_one_link_with_its_cover_and_nothing_beside_it(guide, kept, simulator):
    plain = attachments.link(title="新靴", summary="三款", url="https://shop.example.com/a")
    with pytest.raises(attachments.CoverMissing):
        post_with(plain)
    (link,) = attachments.with_cover([plain, attachments.picture(kept)])
    with pytest.raises(attachments.NotForMoments):
        post_with(link, attachments.picture(kept))
    with pytest.raises(attachments.TooManyAttachments):
        post_with(*[attachments.picture(kept)] * 10)
    with pytest.raises(attachments.PieceTooLong):
        post_with({**link, "title": "靴" * 43})

    post_with(link)
    assert outreach.send_moments(now=later(seconds=1)) == 1
    cover = MediaUpload.objects.get(corp_id=CORP, file=kept, for_moments=True)
    tracked = TrackedLink.objects.get(corp_id=CORP, guide=None)
    assert tracked.address == "https://shop.example.com/a"
    assert calls(simulator)[0]["body"]["attachments"][0]["link"] == {
        "title": "新靴",
        "url": link_address(tracked.code),
        "media_id": cover.media_id,
    }
    assert len(made(simulator)) == 1


def test_a_post_whose_picture_wecom_has_no_more_gets_it_anew(guide, kept, simulator):
    MediaUpload.objects.create(
        corp_id=CORP, file=kept, media_id="gone", expires_at=later(days=2), for_moments=True
    )
    post_with(attachments.picture(kept))
    assert outreach.send_moments(now=later(seconds=1)) == 0

    assert outreach.send_moments(now=later(minutes=3)) == 1
    assert len(made(simulator)) == 1


# --- taken back -----------------------------------------------------------------------------------

CANCEL = "externalcontact/cancel_moment_task"


def take_back(push):
    return guide_tasks.withdraw_item_push(push=push, actor=SYSTEM, now=clock.now())


def test_a_post_taken_back_is_stopped_for_who_has_not_published_it(
    push, guide, colleague, simulator
):
    outreach.send_moments(now=later(seconds=1))
    (moment_id,) = made(simulator)
    simulator.post("/sim/moments/publish", userid=guide.wecom_userid, moment_id=moment_id)
    poll(later(minutes=1))

    take_back(push)
    assert poll(later(minutes=2)) == 0
    assert poll(later(minutes=3)) == 0
    assert [call["body"]["moment_id"] for call in simulator.calls(CANCEL)] == [moment_id]
    assert MomentPost.objects.get().state == "cancelled"
    assert states()[guide.wecom_userid] == State.DONE


def test_a_post_taken_back_before_wecom_has_made_it_is_stopped_when_it_is_there(push, simulator):
    outreach.send_moments(now=later(seconds=1))
    take_back(push)
    assert outreach.send_moments(now=later(seconds=2)) == 0

    poll(later(minutes=1))
    assert len(simulator.calls(CANCEL)) == 1
    assert MomentPost.objects.get().state == "cancelled"


def test_wecom_not_answering_is_asked_to_stop_it_again(push, simulator):
    outreach.send_moments(now=later(seconds=1))
    poll(later(minutes=1))
    take_back(push)
    simulator.post("/sim/faults", path=CANCEL, errcode=-1, times=9)
    assert poll(later(minutes=2)) == 0
    assert MomentPost.objects.get().state == "made"

    simulator.post("/sim/faults/clear")
    pauses_are_over()
    poll(later(minutes=5))
    assert MomentPost.objects.get().state == "cancelled"


def test_who_published_just_before_it_was_taken_back_has_done_it(push, guide, colleague, simulator):
    outreach.send_moments(now=later(seconds=1))
    (moment_id,) = made(simulator)
    poll(later(minutes=1))
    simulator.post("/sim/moments/publish", userid=guide.wecom_userid, moment_id=moment_id)
    take_back(push)

    simulator.post("/sim/faults", path="externalcontact/get_moment_task", errcode=-1, times=9)
    assert poll(later(minutes=2)) == 0  # the last look is repeated
    simulator.post("/sim/faults/clear")
    pauses_are_over()
    assert poll(later(minutes=4)) == 1

    assert states() == {guide.wecom_userid: "done", colleague.wecom_userid: "not_applicable"}
    item = TaskItem.objects.get(guide=guide)
    assert (item.proof, item.excuse_reason) == ("wecom", "")
    assert MomentPost.objects.get().state == "cancelled"
    assert MomentReading.objects.get().guide == guide


@pytest.fixture
def lost(push, simulator):
    """WeCom has the post, and the reply to our call was lost."""
    outreach.send_moments(now=later(seconds=1))
    MomentPost.objects.update(state="queued", jobid="", not_before=clock.now())
    return made(simulator)


def test_a_post_taken_back_while_its_answer_was_lost_is_stopped_once_it_is_found(
    push, lost, simulator
):
    take_back(push)
    assert outreach.send_moments(now=later(minutes=1)) == 0  # WeCom's list may lag behind
    assert outreach.send_moments(now=later(minutes=16)) == 1
    poll(later(minutes=18))

    assert [call["body"]["moment_id"] for call in simulator.calls(CANCEL)] == lost
    assert len(calls(simulator)) == 1
    assert MomentPost.objects.get().state == "cancelled"


def test_a_post_taken_back_while_nobody_knows_is_stopped_when_a_person_says_it_is_there(
    unknown, push, simulator
):
    take_back(push)
    decided = decide(unknown, published=True)
    poll(later(minutes=22))

    assert [call["body"]["moment_id"] for call in simulator.calls(CANCEL)] == [decided.moment_id]
    assert MomentPost.objects.get().state == "cancelled"


def test_a_poll_that_is_running_neither_ends_nor_delays_what_is_taken_back(push, simulator):
    outreach.send_moments(now=later(seconds=1))
    poll(later(minutes=1))
    MomentPost.objects.update(not_before=clock.now())
    token, (post,) = moments.claim_moment_polls(now=later(minutes=2), limit=1)
    take_back(push)
    over = later(days=30)
    assert moments.note_moment_asked(post=post, token=token, all_done=False, now=over)

    post.refresh_from_db()
    assert (post.state, post.not_before) == ("made", over)
    assert post.withdrawn_at is not None


def test_wecom_refusing_to_stop_a_post_is_said_and_the_post_is_asked_about_on(
    push, guide, simulator
):
    outreach.send_moments(now=later(seconds=1))
    (moment_id,) = made(simulator)
    poll(later(minutes=1))
    take_back(push)
    simulator.post("/sim/faults", path=CANCEL, errcode=48002, times=9)
    with override("zh-hans"):
        poll(later(minutes=3))

    post = MomentPost.objects.get()
    assert (post.state, post.withdrawn_at) == ("made", None)
    assert post.reason.startswith("企微没有停下这条朋友圈")
    asked = len(simulator.calls("externalcontact/get_moment_task"))
    poll(later(minutes=40))
    assert len(simulator.calls("externalcontact/get_moment_task")) > asked
    assert len(simulator.calls(CANCEL)) == 1


# --- likes and comments ---------------------------------------------------------------------------


@pytest.fixture
def published(push, guide, simulator):
    """A guide's post that two friends see; one likes it and writes below it."""
    friends = make_friends(guide, 2, simulator=simulator)
    outreach.send_moments(now=later(seconds=1))
    (moment_id,) = made(simulator)
    simulator.post("/sim/moments/publish", userid=guide.wecom_userid, moment_id=moment_id)
    poll(later(minutes=1))
    said = {"moment_id": moment_id, "userid": guide.wecom_userid, "external_userid": friends[0][1]}
    simulator.post("/sim/moments/answer", **said, kind="like")
    simulator.post("/sim/moments/answer", **said, kind="comment", text="有 37 码吗")
    return moment_id


def test_likes_and_comments_are_read_late_and_kept_as_numbers(published, guide):
    assert services.read_moments(now=later(minutes=60)) == 0
    assert services.read_moments(now=later(minutes=122)) == 1

    reading = MomentReading.objects.get()
    assert (reading.guide, reading.customers) == (guide, 2)
    assert (reading.likes, reading.comments) == (1, 1)
    assert services.read_moments(now=later(hours=3)) == 0
    assert [services.read_moments(now=later(days=day)) for day in (2, 4, 8, 20)] == [1, 1, 1, 0]


def test_a_post_that_is_gone_in_wecom_keeps_its_numbers_and_is_asked_about_no_more(
    published, simulator
):
    services.read_moments(now=later(minutes=122))
    simulator.post("/sim/faults", path="externalcontact/get_moment_comments", errcode=41060)
    assert services.read_moments(now=later(days=2)) == 0
    reading = MomentReading.objects.get()
    assert (reading.likes, reading.not_before) == (1, None)


def test_wecom_asking_to_slow_down_puts_the_reading_off(published, simulator):
    simulator.post("/sim/faults", path="externalcontact/get_moment_comments", errcode=45009)
    assert services.read_moments(now=later(minutes=122)) == 0
    pauses_are_over()
    assert services.read_moments(now=later(minutes=140)) == 1


def test_a_chain_that_publishes_at_once_is_read_spread_over_an_hour(push):
    post, now = MomentPost.objects.get(), clock.now()
    moment_readings.note_published(post=post, userids=[f"u{n}" for n in range(60)], now=now)

    hour = timedelta(hours=1)
    due = sorted(MomentReading.objects.values_list("not_before", flat=True))
    assert now + hour <= due[0] < now + 1.25 * hour
    assert now + 1.75 * hour < due[-1] < now + 2 * hour
    half = sum(1 for moment in due if moment < now + 1.5 * hour)
    assert 15 < half < 45


def test_a_second_run_does_nothing_while_one_reads(published):
    at = later(minutes=122)
    MomentReading.objects.update(lease_token=uuid4(), lease_until=at + timedelta(minutes=5))
    other = MomentReading.objects.get()
    other.pk, other.userid, other.lease_token, other.lease_until = None, "other", None, None
    other.save()

    assert services.read_moments(now=at) == 0
    assert not MomentReading.objects.exclude(read_at=None).exists()
    MomentReading.objects.update(lease_until=at - timedelta(seconds=1))  # the worker died
    assert services.read_moments(now=at) == 1


def test_readings_are_forgotten_after_a_year(published):
    services.read_moments(now=later(minutes=122))
    assert moment_readings.forget_old_readings(now=later(days=364)) == 0
    assert moment_readings.forget_old_readings(now=later(days=366)) == 1
    assert not MomentReading.objects.exists()


def test_too_many_posts_at_once_wait_and_say_so_in_words(push, simulator):
    simulator.post("/sim/switches", moment_jobs_most=0)
    assert outreach.send_moments(now=later(seconds=1)) == 0
    post = MomentPost.objects.get()
    with override("zh-hans"):
        assert outreach.send_moments(now=later(minutes=3)) == 0
    post.refresh_from_db()
    assert (post.state, post.reason) == ("queued", "企微还在创建之前的朋友圈，稍后会自动重试")

    simulator.post("/sim/switches", moment_jobs_most=None)
    assert outreach.send_moments(now=later(minutes=20)) == 1
    assert len(made(simulator)) == 1
