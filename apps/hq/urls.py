from django.urls import path

from apps.hq.pages import (
    home,
    jobs,
    members,
    pushes,
    segments,
    start,
    system,
    wecom,
    wizard,
)

app_name = "hq"
urlpatterns = [
    path("", start.start, name="start"),
    path("admin/next/<slug:reach>/", home.next_people, name="next_people"),
    path("admin/loop/<slug:code>/", home.loop_people, name="loop_people"),
    path("admin/overdue/", home.overdue, name="overdue"),
    path("admin/unserved/", home.unserved, name="unserved"),
    path("admin/segments/", segments.segment_list, name="segments"),
    path("admin/segments/new/", segments.segment, name="segment_new"),
    path("admin/segments/count/", segments.segment_count, name="segment_count"),
    path("admin/segments/who/<slug:reach>/", segments.segment_who, name="segment_who"),
    path("admin/segments/<int:pk>/", segments.segment, name="segment"),
    path("admin/pushes/", pushes.push_list, name="pushes"),
    path("admin/pushes/new/", wizard.push_new, name="push_new"),
    path("admin/pushes/next/", wizard.push_next, name="push_next"),
    path("admin/pushes/<int:pk>/", pushes.push_page, name="push"),
    path("admin/pushes/<int:pk>/step/<int:step>/", wizard.push_step, name="push_step"),
    path("admin/pushes/<int:pk>/delete/", wizard.push_delete, name="push_delete"),
    path("admin/pushes/<int:pk>/chase/", pushes.push_chase, name="push_chase"),
    path("admin/pushes/<int:pk>/people/<str:place>/", pushes.push_people, name="push_people"),
    path(
        "admin/pushes/<int:pk>/forecast/<slug:place>/", pushes.push_forecast, name="push_forecast"
    ),
    path("admin/members/find/", members.find_member, name="find_member"),
    path("admin/members/<uuid:public_id>/", members.member, name="member"),
    path("admin/members/<uuid:public_id>/unmask/", members.unmask, name="member_unmask"),
    path("admin/members/<uuid:public_id>/tag/", members.tag_member, name="member_tag"),
    path("admin/members/<uuid:public_id>/stop/", members.stop_member, name="member_stop"),
    path("admin/wecom/health/", wecom.health, name="wecom_health"),
    path("admin/wecom/wake/<slug:job>/", wecom.wecom_wake, name="wecom_wake"),
    path("admin/wecom/unknown/", wecom.unknown_sends, name="unknown_sends"),
    path("admin/wecom/unknown/<int:pk>/", wecom.decide_send, name="decide_send"),
    path("admin/reports/", pushes.report_page, name="reports"),
    path("admin/system/", system.system, name="system"),
    path("admin/system/jobs/save/", jobs.save_jobs, name="save_jobs"),
    path("admin/system/jobs/<int:pk>/run/", jobs.run_job, name="run_job"),
]
