BATCH = "externalcontact/batch/get_by_user"


def everybody(host, userids, limit=100):
    found, cursor = [], ""
    while True:
        page = host.api(BATCH, {"userid_list": userids, "limit": limit, "cursor": cursor})
        assert page["errcode"] == 0
        found += page["external_contact_list"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def test_big_corp_is_read_page_by_page_and_is_the_same_each_time(host):
    assert host.sim("bulk", {"guides": 40, "contacts": 25}) == {"guides": 40, "contacts": 1000}
    userids = [f"bulk_{n:05d}" for n in range(1, 41)]

    first, second = everybody(host, userids), everybody(host, userids, limit=37)

    assert first == second
    idents = [row["external_contact"]["external_userid"] for row in first]
    assert len(set(idents)) == 1000
    assert host.sim("truth?digest=1")["counts"]["follows"] == 1000 + 3


def test_changed_guide_wakes_and_stays_changed_after_a_restart(own_host):
    own_host.start()
    own_host.seed_shop()
    own_host.sim("bulk", {"userids": ["zhoulan", "LiMing"], "contacts": 5, "seed": 7})
    rows = own_host.sim("truth?kind=follows")["follows"]
    row = next(row for row in rows if row["external_userid"].startswith("wmBulk"))
    ident = row["external_userid"]
    pair = {"userid": row["userid"], "external_userid": ident}

    own_host.api("externalcontact/remark", {**pair, "remark": "常客"})
    before = own_host.sim("truth?digest=1")["digests"]
    own_host.kill()
    own_host.start()

    assert own_host.sim("truth?digest=1")["digests"] == before
    own_host.sim("follows/delete", {**pair, "by": "guide"})
    assert own_host.api("externalcontact/get", external_userid=ident)["errcode"] == 84061
    left = own_host.sim("truth?digest=1")["counts"]["follows"]
    assert (len(rows), left) == (13, 12)


def test_guide_with_sleeping_contacts_gains_a_new_one(host):
    host.sim("bulk", {"guides": 2, "contacts": 3})
    host.sim("customers/add-guide", {"userid": "bulk_00001", "name": "新朋友"})

    assert len(everybody(host, ["bulk_00001", "bulk_00002"])) == 7
