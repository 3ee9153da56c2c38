"""Who gets what at every address: the written answer that `test_view_access.py` asks for.

An address that is not in here fails the test.

Cells of PAGES: `ok` let in (a page, a redirect onward, or for a POST a refusal of its content);
`in` sent to sign in; `401` `403` `404` `405` as HTTP says; `out` led away without having seen the
row. One word for all rows; `a/b` for an own row and a foreign one; `a/b/c` for an own row, one of a
colleague in the same store and one of another region. `-` is not asked.

Own and foreign: east and west of `tests/factories/world.py`. Head office has no foreign rows, but
must be seen to have none, so every scope is asked of every role.
"""

# anon = nobody signed in; then HQ administrator, HQ operator, region manager, store manager, guide,
# auditor.
PAGES = """
# address                        verb  anon admin operator region store     guide     auditor

# the house's own doors, open to everybody
core:healthz                     GET   ok   ok   ok   ok   ok   ok   ok
core:readyz                      GET   ok   ok   ok   ok   ok   ok   ok
outreach:link                    GET   ok   ok   ok   ok   ok   ok   ok
# behind a poster, for whoever stands before it
contact_codes:scan               GET   ok   ok   ok   ok   ok   ok   ok
outreach:cover                   GET   ok   ok   ok   ok   ok   ok   ok
outreach:content                 GET   ok   ok   ok   ok   ok   ok   ok
# leads to head office's home; in the demo it is the start page
hq:start                         GET   out  out  out  out  out  out  out
# a callback is let in by its signature alone
wecom:callback                   GET   400  400  400  400  400  400  400
wecom:callback                   POST  400  400  400  400  400  400  400

# the API: keys only (see KEYS); a session is nothing there. Its shape is no secret
ingest:members                   POST  401  401  401  401  401  401  401
ingest:orders                    POST  401  401  401  401  401  401  401
ingest:coupon_check              POST  401  401  401  401  401  401  401
ingest:points                    POST  401  401  401  401  401  401  401
ingest:points_check              POST  401  401  401  401  401  401  401
ingest:concessions_check         POST  401  401  401  401  401  401  401
ingest:stock                     POST  401  401  401  401  401  401  401
ingest:cases                     POST  401  401  401  401  401  401  401
ingest:schema                    GET   ok   ok   ok   ok   ok   ok   ok
ingest:docs                      GET   ok   ok   ok   ok   ok   ok   ok

# a guide's phone: head office is sent to sign in as somebody who works in a store
guide_portal:today               GET   in   in   in   in   ok   ok   in
guide_portal:today_live          GET   in   in   in   in   ok   ok   in
guide_portal:sign_in             GET   ok   ok   ok   ok   ok   ok   ok
guide_portal:sign_in_back        GET   403  403  403  403  403  403  403
guide_portal:sign_out            POST  in   in   in   in   ok   ok   in
guide_portal:task                GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:task_live           GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:send_task           POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:target              GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:target_live         GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:send_target         POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:open_chat           POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:sidebar_sent        POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:self_report         POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:not_suitable        GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:not_suitable        POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:undo_excuse         POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:customers           GET   in   in   in   in   ok   ok   in
guide_portal:customers           POST  in   in   in   in   ok   ok   in
# a manager knows the store's customers
guide_portal:customer            GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:concession          GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:concession          POST  in   in   in   in   400/400/404 400/404/404 in
guide_portal:withdraw_concession POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:claim               GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:claim               POST  in   in   in   in   400/400/404 400/404/404 in
guide_portal:withdraw_claim      POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:number              GET   in   in   in   in   ok/ok/404   403  in
guide_portal:number              POST  in   in   in   in   ok/ok/404   403  in
guide_portal:show_number         POST  in   in   in   in   ok/ok/404   403  in
guide_portal:note                GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:note                POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:tag                 POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:untag               POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:visit               POST  in   in   in   in   ok/ok/404   ok/404/404  in
# nobody's act; that another's is not there either: tests/guide_portal/test_undo.py
guide_portal:undo_act            POST  in   in   in   in   404       404       in
guide_portal:visit_reason        POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:follow_up           POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:follow_up_done      POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:book                GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:book                POST  in   in   in   in   400/400/404 400/404/404 in
# one's own, and the store's for its manager
guide_portal:open_case           GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:open_case           POST  in   in   in   in   400/400/404 400/404/404 in
guide_portal:cases               GET   in   ok   in   ok   ok   ok   in
guide_portal:case                GET   in   ok   in   ok/ok/404  ok/ok/404  ok/404/404  in
guide_portal:add_case_photos     POST  in   400  in   400/400/404 400/400/404 400/404/404 in
guide_portal:case_photo          GET   in   ok   in   ok/ok/404  ok/ok/404  ok/404/404  in
# whoever may see it is let in; a photo of another hand stays, and that is said
guide_portal:withdraw_case_photo POST  in   ok   in   ok/ok/404  ok/ok/404  ok/404/404  in
guide_portal:take_case           POST  in   ok   in   ok/ok/404 ok/ok/404  403         in
guide_portal:close_case          POST  in   400  in   400/400/404 400/400/404 403         in
guide_portal:reopen_case         POST  in   400  in   400/400/404 400/400/404 403         in
guide_portal:appointments        GET   in   in   in   in   ok   ok   in
guide_portal:appointment         GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:keep_appointment    POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:miss_appointment    POST  in   in   in   in   400/400/404 400/404/404 in
guide_portal:cancel_appointment  POST  in   in   in   in   400/400/404 400/404/404 in
guide_portal:fact                POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:message             GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:message             POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:coupons             GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:coupons             POST  in   in   in   in   400/400/404 400/404/404 in
guide_portal:customer_looks      GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:customer_looks      POST  in   in   in   in   400/400/404 400/404/404 in
# the store's looks are everybody's in the store: they name no customer
# any store's goods are no secret in a store: a colleague has them brought
guide_portal:find_stock          GET   in   in   in   in   ok   ok   in
guide_portal:stock_of            GET   in   in   in   in   ok   ok   in
guide_portal:store_stock         GET   in   in   in   in   ok   403  in
# asked of another store for a customer of one's own: whose else is said by the form's address
guide_portal:ask_stock           GET   in   in   in   in   ok   ok   in
guide_portal:ask_stock           POST  in   in   in   in   400  400  in
# both stores' people; who has it says yes, no and sent, who asked says received and taken back
guide_portal:stock_requests      GET   in   in   in   in   ok   ok   in
guide_portal:stock_request       GET   in   in   in   in   ok/ok/404   ok/ok/404   in
guide_portal:confirm_stock       POST  in   in   in   in   ok/ok/404   ok/ok/404   in
guide_portal:refuse_stock        POST  in   in   in   in   400/400/404 400/400/404 in
guide_portal:send_stock          POST  in   in   in   in   ok/ok/404   ok/ok/404   in
guide_portal:receive_stock       POST  in   in   in   in   404  404  in
guide_portal:withdraw_stock      POST  in   in   in   in   404  404  in
# what head office says to the places one works in or leads
guide_portal:news                GET   in   ok   in   ok   ok   ok   in
guide_portal:news_piece          GET   in   ok   in   ok/ok/404 ok/ok/404   ok/ok/404   in
guide_portal:read_news           POST  in   in   in   in   ok/ok/404   ok/ok/404   in
# a step is the chain's, and only one's own word; the fact steps have no button
guide_portal:first_days          GET   in   in   in   in   ok   ok   in
guide_portal:tell_step           POST  in   in   in   in   ok   ok   in
guide_portal:team_newcomers      GET   in   in   in   in   ok   403  in
guide_portal:team_news           GET   in   ok   in   ok   ok   403  in
guide_portal:looks               GET   in   in   in   in   ok   ok   in
guide_portal:new_look            GET   in   in   in   in   ok   ok   in
guide_portal:new_look            POST  in   in   in   in   400  400  in
guide_portal:look                GET   in   in   in   in   ok/ok/404   ok/ok/404   in
guide_portal:look                POST  in   in   in   in   400/400/404 400/400/404 in
guide_portal:expiring_coupons    GET   in   in   in   in   ok   ok   in
guide_portal:chat                POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:invite              GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:not_joined          POST  in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:customer_list       GET   in   in   in   in   ok   ok   in
# only who has just found somebody may ask to see them; the form says whom
guide_portal:ask_access          GET   in   in   in   in   404  404  in
guide_portal:ask_access          POST  in   in   in   in   400  400  in
guide_portal:decide_access       POST  in   in   in   in   ok/ok/404  403  in
guide_portal:sidebar             GET   in   in   in   in   ok   ok   in
guide_portal:sidebar_messages    GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:sidebar_scripts     GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:sidebar_contact     POST  in   in   in   in   ok   ok   in
# without the address of a page: refused for its content
guide_portal:signature           GET   in   in   in   in   400  400  in
guide_portal:tools               GET   in   in   in   in   ok   ok   in
guide_portal:groups              GET   in   in   in   in   ok   ok   in
guide_portal:scripts             GET   in   in   in   in   ok   ok   in
guide_portal:propose_script      GET   in   in   in   in   ok   ok   in
guide_portal:propose_script      POST  in   in   in   in   400  400  in
guide_portal:take_script         POST  in   in   in   in   ok/ok/404   403  in
guide_portal:word_script         GET   in   in   in   in   ok   403  in
guide_portal:word_script         POST  in   in   in   in   400  403  in
guide_portal:drop_wording        POST  in   in   in   in   400  403  in
guide_portal:refuse_script       POST  in   in   in   in   ok/ok/404   403  in
# a manager the store's, a guide what is made for them
guide_portal:codes               GET   in   in   in   in   ok   ok   in
guide_portal:code_poster         GET   in   in   in   in   ok/ok/404  404  in
guide_portal:materials           GET   in   in   in   in   ok   ok   in
guide_portal:enrol               GET   in   in   in   in   ok   ok   in
guide_portal:enrol               POST  in   in   in   in   ok   ok   in
guide_portal:enrol_live          GET   in   in   in   in   ok   ok   in
# a draft is its guide's alone: the manager sees how many wait, never who
guide_portal:enrol_draft         GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:enrol_draft         POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:me                  GET   in   in   in   in   ok   ok   in
guide_portal:messages            GET   in   in   in   in   ok   ok   in
# one's own lines, whoever leads the store
guide_portal:commission          GET   in   in   in   in   ok   ok   in
guide_portal:commission_line     GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:commission_line     POST  in   in   in   in   400/404/404 400/404/404 in
guide_portal:display             GET   in   in   in   in   ok   ok   in
guide_portal:display             POST  in   in   in   in   ok   ok   in
guide_portal:queue               GET   in   in   in   in   ok   ok   in
# asked by scripts, which cannot follow a sign-in: 401 tells the phone to forget
guide_portal:saved               GET   401  401  401  401  ok   ok   401
guide_portal:actions             POST  401  401  401  401  ok   ok   401
# a frame and a script with nobody's data
guide_portal:offline             GET   ok   ok   ok   ok   ok   ok   ok
guide_portal:worker              GET   ok   ok   ok   ok   ok   ok   ok
guide_portal:team                GET   in   in   in   in   ok   403  in
guide_portal:chase               POST  in   in   in   in   ok/ok/404  403  in
# who works when, who has what, who has gone: a manager's own store
guide_portal:duty                GET   in   in   in   in   ok   403  in
guide_portal:mark_store          POST  in   in   in   in   ok   403  in
guide_portal:repeat_week         POST  in   in   in   in   ok   403  in
guide_portal:mark_day            POST  in   in   in   in   ok/ok/404  403  in
guide_portal:start_cover         POST  in   in   in   in   ok/ok/404  403  in
guide_portal:end_cover           POST  in   in   in   in   ok/ok/404  403  in
guide_portal:assign              GET   in   in   in   in   ok   403  in
guide_portal:assign_members      POST  in   in   in   in   ok   403  in
guide_portal:work                GET   in   in   in   in   ok/ok/404  403  in
guide_portal:give_work           POST  in   in   in   in   ok/ok/404  403  in
guide_portal:handover            GET   in   in   in   in   ok   403  in
guide_portal:handover_of         GET   in   in   in   in   ok/ok/404  403  in
guide_portal:hand_over           POST  in   in   in   in   ok/ok/404  403  in
guide_portal:plan_handover       POST  in   in   in   in   ok/ok/404  403  in
guide_portal:handover_run        GET   in   in   in   in   ok/ok/404  403  in
guide_portal:start_handover      POST  in   in   in   in   ok/ok/404  403  in
guide_portal:change_successor    POST  in   in   in   in   ok/ok/404  403  in
# between owners the region decides, head office too; nobody who works in a store
guide_portal:reassignments       GET   in   in   in   in   ok   ok   in
guide_portal:reassignment        GET   in   in   in   in   ok/ok/404  ok/404/404  in
guide_portal:accept_reassignment POST  in   in   in   in   ok/ok/404  ok/404/404  in
guide_portal:question_reassignment POST in  in   in   in   ok/ok/404  ok/404/404  in
guide_portal:settle_reassignment POST  in   in   in   in   404/ok/404  403  in
guide_portal:decide_handover     POST  in   ok   in   ok/ok/404  403  403  in
guide_portal:morning             GET   in   in   in   in   ok   403  in
guide_portal:alerts              GET   in   in   in   in   ok   403  in
guide_portal:look_mismatch       POST  in   in   in   in   ok/ok/404  403  in
guide_portal:decide_excuses      POST  in   in   in   in   404/ok/404  403  in
guide_portal:decide_item_excuses POST  in   in   in   in   ok/ok/404   403  in
# 区域看板: whoever reads figures, in their own places; no store manager
guide_portal:region              GET   in   ok   ok   ok   403  403  ok
guide_portal:region_pushes       GET   in   ok   ok   ok   403  403  ok
guide_portal:region_store        GET   in   ok   ok   ok/ok/404  403  403  ok
guide_portal:region_guide        GET   in   ok   ok   ok/ok/404  403  403  ok
guide_portal:region_task         GET   in   ok   in   ok   403  403  in
guide_portal:region_task         POST  in   ok   in   ok   403  403  in
guide_portal:region_push         GET   in   ok   in   ok/ok/404  403  403  in
guide_portal:region_push         POST  in   ok   in   ok/ok/404  403  403  in
guide_portal:visits              GET   in   ok   in   ok/ok/404  403  403  in
guide_portal:visits              POST  in   ok   in   ok/ok/404  403  403  in
guide_portal:close_visit_item    POST  in   ok   in   ok/ok/404  ok/ok/404  403  in
# own: the store's item, anybody's there; a manager looks at every item of the store, and decides
guide_portal:item                GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:picture             GET   in   in   in   in   ok   ok   in
guide_portal:item_photo          GET   in   in   in   in   ok/ok/404   ok/404/404  in
guide_portal:report_item         POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:hand_in_photo       POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:withdraw_photo      POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:excuse_item         GET   in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:excuse_item         POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:undo_item           POST  in   in   in   in   ok/404/404  ok/404/404  in
guide_portal:chase_items         POST  in   in   in   in   ok/ok/404   403  in
guide_portal:extend_item         POST  in   in   in   in   ok/ok/404   403  in
guide_portal:withdraw_item       POST  in   in   in   in   ok/ok/404   403  in
guide_portal:extend_task         POST  in   in   in   in   ok/ok/404   403  in
guide_portal:withdraw_target     GET   in   in   in   in   ok/ok/404   403  in
guide_portal:withdraw_target     POST  in   in   in   in   ok/ok/404   403  in
guide_portal:store_tasks         GET   in   in   in   in   ok   403  in
guide_portal:new_task            GET   in   in   in   in   ok   403  in
guide_portal:new_task            POST  in   in   in   in   ok   403  in
# a regional manager works in no store and decides between owners
guide_portal:approvals           GET   in   ok   in   ok   ok   403  in
guide_portal:decide_concession   POST  in   ok   in   ok/ok/404  ok/ok/404  403  in
guide_portal:decide_claim        POST  in   ok   in   ok/ok/404  ok/ok/404  403  in
guide_portal:decide_owners       POST  in   ok   in   ok/ok/404  403  403  in
guide_portal:approve_item        POST  in   in   in   in   ok/ok/404   403  in
guide_portal:refuse_item         POST  in   in   in   in   ok/ok/404   403  in

# the customers' own pages: nobody's user is signed in there, all are sent to the customer's sign-in
member_portal:home               GET   ok   ok   ok   ok   ok   ok   ok
member_portal:code               GET   ok   ok   ok   ok   ok   ok   ok
member_portal:code               POST  ok   ok   ok   ok   ok   ok   ok
member_portal:code_again         POST  ok   ok   ok   ok   ok   ok   ok
member_portal:welcome            GET   ok   ok   ok   ok   ok   ok   ok
member_portal:welcome_live       GET   ok   ok   ok   ok   ok   ok   ok
member_portal:sign_in            GET   ok   ok   ok   ok   ok   ok   ok
member_portal:sign_in            POST  ok   ok   ok   ok   ok   ok   ok
member_portal:wecom_ask          POST  ok   ok   ok   ok   ok   ok   ok
member_portal:wecom_back         GET   409  409  409  409  409  409  409
member_portal:sign_out           POST  ok   ok   ok   ok   ok   ok   ok
member_portal:add_guide          POST  ok   ok   ok   ok   ok   ok   ok
member_portal:coupons            GET   ok   ok   ok   ok   ok   ok   ok
member_portal:points             GET   ok   ok   ok   ok   ok   ok   ok
member_portal:find               GET   ok   ok   ok   ok   ok   ok   ok
member_portal:find               POST  400  400  400  400  400  400  400
member_portal:choices            GET   ok   ok   ok   ok   ok   ok   ok
member_portal:withdraw           POST  ok   ok   ok   ok   ok   ok   ok
member_portal:give               POST  ok   ok   ok   ok   ok   ok   ok
member_portal:stop               POST  ok   ok   ok   ok   ok   ok   ok
member_portal:allow_again        POST  ok   ok   ok   ok   ok   ok   ok
# pieces and prices behind a code that is not to be guessed; the names of guide and store alone
member_portal:look               GET   ok   ok   ok   ok   ok   ok   ok
member_portal:appointments       GET   ok   ok   ok   ok   ok   ok   ok
member_portal:cancel_appointment POST  ok   ok   ok   ok   ok   ok   ok
member_portal:data               GET   ok   ok   ok   ok   ok   ok   ok
member_portal:copy               POST  ok   ok   ok   ok   ok   ok   ok
member_portal:erase              POST  ok   ok   ok   ok   ok   ok   ok
member_portal:keep_data          POST  ok   ok   ok   ok   ok   ok   ok
# an invitation that nobody signed
member_portal:join               GET   410  410  410  410  410  410  410
member_portal:join               POST  410  410  410  410  410  410  410

# head office's own pages: a region manager reads counts of pushes that reach into the region, and
# opens people of the region alone
hq:next_people                   GET   in   ok   ok   403     in  in  403
hq:loop_people                   GET   in   ok   ok   ok      in  in  ok
hq:overdue                       GET   in   ok   ok   ok      in  in  ok
hq:unserved                      GET   in   ok   ok   ok      in  in  ok
hq:segments                      GET   in   ok   ok   403     in  in  403
hq:segment_new                   GET   in   ok   ok   403     in  in  403
hq:segment_new                   POST  in   ok   ok   403     in  in  403
hq:segment_count                 POST  in   ok   ok   403     in  in  403
hq:segment_who                   POST  in   ok   ok   403     in  in  403
hq:segment                       GET   in   ok   ok   403     in  in  403
hq:segment                       POST  in   ok   ok   403     in  in  403
hq:pushes                        GET   in   ok   ok   ok      in  in  ok
hq:push_new                      GET   in   ok   ok   403     in  in  403
hq:push_new                      POST  in   ok   ok   403     in  in  403
hq:access                        GET   in   ok   ok   ok      in  in  ok
hq:decide_access                 POST  in   ok   ok   403     in  in  403
hq:decide_concession             POST  in   ok   ok   403     in  in  403
hq:decide_claim                  POST  in   ok   ok   403     in  in  403
hq:settle_look_ups               POST  in   ok   ok   403     in  in  403
hq:push_kinds                    GET   in   ok   ok   403     in  in  403
hq:item_push_new                 GET   in   ok   ok   403     in  in  403
hq:item_push_new                 POST  in   ok   ok   403     in  in  403
hq:item_withdraw                 POST  in   ok   ok   403     in  in  403
hq:item_remind                   POST  in   ok   ok   403     in  in  403
hq:item_photo                    GET   in   ok   ok   ok/404  in  in  ok
hq:item_decide                   POST  in   ok   403  ok/404  in  in  403
hq:push_next                     POST  in   ok   ok   403     in  in  403
hq:push                          GET   in   ok   ok   ok/404  in  in  ok
hq:push_people                   GET   in   ok   ok   ok/404  in  in  ok
hq:push_recall                   GET   in   ok   ok   403     in  in  403
hq:push_extend                   POST  in   ok   ok   403     in  in  403
hq:push_withdraw                 POST  in   ok   ok   403     in  in  403
# what repeats is head office's to change; a region manager sees what reaches into the region
hq:series_list                   GET   in   ok   ok   ok      in  in  ok
hq:series                        GET   in   ok   ok   ok/404  in  in  ok
hq:series_change                 GET   in   ok   ok   403     in  in  403
hq:series_change                 POST  in   ok   ok   403     in  in  403
hq:series_act                    POST  in   ok   ok   403     in  in  403
hq:push_repeat                   GET   in   ok   ok   403     in  in  403
hq:push_repeat                   POST  in   ok   ok   403     in  in  403
hq:push_chase                    POST  in   ok   403  ok/404  in  in  403
hq:rules                         GET   in   ok   ok   ok      in  in  ok
hq:save_rules                    POST  in   ok   ok   403     in  in  403
hq:rule_step                     POST  in   ok   ok   403     in  in  403
hq:push_step                     GET   in   ok   ok   403     in  in  403
hq:push_step                     POST  in   ok   ok   403     in  in  403
hq:push_forecast                 GET   in   ok   ok   403     in  in  403
hq:push_delete                   POST  in   ok   ok   403     in  in  403
hq:member                        GET   in   ok   ok   ok/404  in  in  ok
hq:find_member                   POST  in   ok   ok   ok      in  in  ok
hq:member_unmask                 POST  in   ok   ok   403     in  in  403
hq:member_tag                    POST  in   ok   ok   403     in  in  403
hq:member_stop                   POST  in   ok   ok   403     in  in  403
hq:wecom_sign_in                 GET   ok   ok   ok   ok   ok   ok   ok
hq:wecom_sign_in_back            GET   in   in   in   in   in   in   in
hq:wecom_health                  GET   in   ok   ok   403     in  in  ok
hq:wecom_calls                   GET   in   ok   ok   403     in  in  ok
hq:connections                   GET   in   ok   403  403     in  in  403
hq:connections                   POST  in   ok   403  403     in  in  403
hq:connection                    GET   in   ok   403  403     in  in  403
hq:connection_check              POST  in   ok   403  403     in  in  403
hq:connection_keys               POST  in   ok   403  403     in  in  403
hq:wecom_wake                    POST  in   ok   403  403     in  in  403
hq:departments                   GET   in   ok   ok   403     in  in  ok
hq:decide_store_move             POST  in   ok   403  403     in  in  403
hq:sync                          GET   in   ok   ok   403     in  in  ok
hq:compare_now                   POST  in   ok   403  403     in  in  403
hq:dead_callbacks                GET   in   ok   ok   403     in  in  ok
hq:read_again                    POST  in   ok   403  403     in  in  403
# 继承: whoever reads figures sees it; between owners the region decides; names leave masked
hq:handovers                     GET   in   ok   ok   ok      in  in  ok
hq:plan_handover                 POST  in   ok   ok   ok/404  in  in  403
hq:handover                      GET   in   ok   ok   ok/404  in  in  ok
hq:handover_act                  POST  in   ok   ok   ok/404  in  in  403
hq:handover_decide               POST  in   ok   403  ok/404  in  in  403
hq:handover_export               GET   in   ok   403  403     in  in  403
# who has read a piece: of the region alone; head office alone reminds and takes names away
hq:news_reads                    GET   in   ok   ok   ok/404  in  in  ok
hq:news_unread                   GET   in   ok   ok   ok/404  in  in  ok
hq:news_export                   GET   in   ok   ok   403     in  in  403
hq:news_remind                   POST  in   ok   ok   403     in  in  403
hq:losses                        GET   in   ok   ok   ok      in  in  ok
hq:sources                       GET   in   ok   ok   ok      in  in  ok
# 风险: a case is never shown to those it is about, nor to the places they work in
hq:commissions                   GET   in   ok   ok   403     in  in  ok
hq:close_commission              POST  in   ok   403  403     in  in  403
hq:commission_export             GET   in   ok   403  403     in  in  403
hq:commission_guide              GET   in   ok   ok   403     in  in  ok
hq:commission_questions          GET   in   ok   ok   403     in  in  ok
hq:answer_commission             POST  in   ok   403  403     in  in  403
hq:case_new                      GET   in   ok   ok   403     in  in  403
hq:case_new                      POST  in   ok   ok   403     in  in  403
hq:case                          GET   in   ok   ok   ok/404  in  in  ok
hq:case_photo                    GET   in   ok   ok   ok/404  in  in  ok
hq:settle_case                   POST  in   ok   ok   ok/404  in  in  403
hq:risks                         GET   in   ok   403  403     in  in  ok
hq:change_risk_rule              POST  in   ok   403  403     in  in  ok
hq:risk                          GET   in   ok   403  403     in  in  ok
hq:decide_risk                   POST  in   ok   403  403     in  in  ok
hq:outboxes                      GET   in   ok   ok   403     in  in  ok
hq:unknown_sends                 GET   in   ok   ok   403     in  in  ok
hq:decide_group_send             POST  in   ok   ok   403     in  in  403
hq:decide_moment                 POST  in   ok   ok   403     in  in  403
hq:groups                        GET   in   ok   ok   ok      in  in  ok
hq:group                         GET   in   ok   ok   ok/404  in  in  ok
hq:group_codes                   GET   in   ok   ok   ok      in  in  ok
hq:group_code_new                POST  in   ok   ok   403     in  in  403
hq:group_code_act                POST  in   ok   ok   403     in  in  403
hq:group_welcomes                GET   in   ok   ok   ok      in  in  ok
hq:group_welcome_new             POST  in   ok   ok   403     in  in  403
hq:group_welcome_act             POST  in   ok   ok   403     in  in  403
hq:script_proposals              GET   in   ok   ok   ok      in  in  ok
hq:decide_proposal               POST  in   ok   ok   403     in  in  403
hq:attachment_picture            GET   in   ok   ok   ok      in  in  ok
hq:kept_picture                  GET   in   ok   ok   ok      in  in  ok
hq:script_variants               GET   in   ok   ok   ok      in  in  ok
hq:withdraw_variant              POST  in   ok   ok   403     in  in  403
hq:decide_send                   POST  in   ok   ok   403     in  in  403
hq:codes                         GET   in   ok   ok   ok      in  in  ok
hq:code_new                      GET   in   ok   ok   403     in  in  403
hq:code                          GET   in   ok   ok   ok/404  in  in  ok
hq:code_batch                    GET   in   ok   ok   403     in  in  403
hq:code_batch                    POST  in   ok   ok   403     in  in  403
hq:code_stop                     POST  in   ok   ok   403     in  in  403
hq:code_again                    POST  in   ok   ok   403     in  in  403
hq:code_poster                   GET   in   ok   ok   ok/404  in  in  ok
hq:code_qr                       GET   in   ok   ok   ok/404  in  in  ok
hq:rollout                       GET   in   ok   ok   ok      in  in  ok
hq:rollout_region                GET   in   ok   ok   ok/404  in  in  ok
hq:rollout_switch                POST  in   ok   403  403     in  in  403
hq:spread                        GET   in   ok   ok   ok      in  in  ok
hq:reports                       GET   in   ok   ok   ok      in  in  ok
hq:system                        GET   in   ok   ok   ok      in  in  ok
hq:save_jobs                     POST  in   ok   403  403     in  in  403
hq:run_job                       POST  in   ok   403  403     in  in  403

# the admin site's frame; what a list or a form gives is in ADMIN
admin:login                      GET   ok   out  out  out  ok   ok   out
admin:logout                     POST  out  ok   ok   ok   out  out  ok
admin:index                      GET   in   ok   ok   ok   in   in   ok
admin:search                     GET   in   ok   ok   ok   in   in   ok
admin:password_change            GET   in   ok   ok   ok   in   in   ok
admin:password_change_done       GET   in   ok   ok   ok   in   in   ok
admin:jsi18n                     GET   in   ok   ok   ok   in   in   ok
admin:view_on_site               GET   in   404  404  404  in   in   404
admin:app_list                   GET   in   ok   ok   ok   in   in   ok
# without parameters; with them see the test of every relation
admin:autocomplete               GET   in   403  403  403  in   in   403
admin:*catch-all                 GET   in   404  404  404  in   in   404
admin:auth_user_password_change  GET   in   ok   403  403  in   in   403
admin:auth_user_password_change  POST  in   ok   403  403  in   in   403
"""

# Lists and forms of the admin: v see list, row and history; a add; c change; d delete; x export;
# i import; - nothing (403). `*` after the letters: rows of the actor's own regions alone, a foreign
# one is led away from. Guides, store managers and strangers are sent to sign in everywhere.
ADMIN = """
# model                              admin  operator  region  auditor
members.Member                       vxi    v         v*      v
orders.Order                         v      v         v*      v
appointments.Appointment             vx     v         v*      v
cases.ServiceCase                    vx     v         v*      v
concessions.Concession               vx     v         v*      v
concessions.ConcessionTerms          vc     v         v       v
looks.Look                           v      v         v*      v
newcomers.PlanStep                   vac    vac       v       v
news.News                            vac    vac       v*      v
stock.StockLevel                     v      v         v       v
stock.StockRequest                   vx     v         v*      v
# one set of terms; it is there, so nobody adds another
stock.StockTerms                     vc     v         v       v
guide_portal.LeadingFacts            vacd   vacd      v       v
orders.Product                       v      v         v       v
stores.Store                         vacxi  v         v*      v
stores.Guide                         vacxi  v         v*      v
stores.Region                        vac    v         v       v
stores.LegalEntity                   vac    -         -       -
stores.ScopeGrant                    vacd   -         -       -
tagging.Tag                          vacxi  vacx      v       v
tagging.TagGroup                     vac    vac       v       v
outreach.MessageTemplate             vac    vac       v       v
outreach.ContentAsset                vac    vac       v       v
outreach.Dispatch                    v      v         -       v
outreach.GuideNotice                 v      v         -       v
outreach.ButtonAnswer                v      v         -       v
outreach.SmsMessage                  v      v         -       v
outreach.Welcome                     v      v         -       v
member_portal.ConsentText            va     v         -       v
commissions.CommissionRule           vac    v         -       v
loyalty.Coupon                       vacxi  vacx      v       v
loyalty.CouponIssue                  v      v         v*      v
loyalty.PointsEntry                  v      v         v*      v
# one set of terms, as of stock
loyalty.PointsTerms                  vc     v         v       v
member_portal.DataRequest            vc     v         -       v
campaigns.Campaign                   vac    vac       v       v
profiles.StageVersion                va     v         v       v
wecom.Corp                           vac    -         -       -
wecom.CorpApp                        vac    -         -       -
wecom.CallbackEndpoint               vac    -         -       -
wecom.RawCallback                    vc     v         -       v
wecom_sync.SyncRun                   v      v         -       v
wecom_sync.CorpTag                   v      v         v       v
wecom_sync.TagWord                   v      v         -       v
wecom_sync.GuideDay                  v      v         v*      v
django_celery_beat.PeriodicTask      vc     -         -       -
accounts.User                        vac    -         -       -
accounts.ApiKey                      vac    -         -       -
accounts.AuditEntry                  v      -         -       v
"""

# actions of a list beyond Django's own, and the letter of ADMIN that offers them
ACTIONS = {
    "stores.Guide": {"leave": "c", "is_back": "c"},
    "accounts.ApiKey": {"revoke": "c"},
    "wecom.RawCallback": {"replay_selected": "c"},
    "member_portal.DataRequest": {"erase": "c"},
}

# addresses that a list adds to the usual ones
PER_MODEL = {
    "changelist",
    "add",
    "change",
    "delete",
    "history",
    "export",
    "import",
    "process_import",
}
