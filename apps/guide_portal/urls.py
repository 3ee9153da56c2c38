"""Addresses of the guide's pages, under /g/. People stand there by public id, never by name."""

from django.urls import path

from apps.guide_portal.views import customers, me, phone, sidebar, sign_in, targets, tasks, team

app_name = "guide_portal"

urlpatterns = [
    path("", tasks.Today.as_view(), name="today"),
    path("live/", tasks.TodayLive.as_view(), name="today_live"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/back/", sign_in.SignInBack.as_view(), name="sign_in_back"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("tasks/<int:task_id>/", tasks.Task.as_view(), name="task"),
    path("tasks/<int:task_id>/live/", tasks.TaskLive.as_view(), name="task_live"),
    path("tasks/<int:task_id>/send/", tasks.SendTask.as_view(), name="send_task"),
    path("targets/<int:target_id>/", targets.Target.as_view(), name="target"),
    path("targets/<int:target_id>/live/", targets.TargetLive.as_view(), name="target_live"),
    path("targets/<int:target_id>/send/", targets.SendTarget.as_view(), name="send_target"),
    path("targets/<int:target_id>/chat/", targets.OpenChat.as_view(), name="open_chat"),
    path("targets/<int:target_id>/sidebar/", sidebar.SidebarSent.as_view(), name="sidebar_sent"),
    path("targets/<int:target_id>/reported/", targets.SelfReport.as_view(), name="self_report"),
    path(
        "targets/<int:target_id>/not-suitable/",
        targets.NotSuitable.as_view(),
        name="not_suitable",
    ),
    path("targets/<int:target_id>/undo/", targets.UndoExcuse.as_view(), name="undo_excuse"),
    path("customers/", customers.Customers.as_view(), name="customers"),
    path("customers/<uuid:public_id>/", customers.Customer.as_view(), name="customer"),
    path("customers/<uuid:public_id>/note/", customers.Note.as_view(), name="note"),
    path("customers/<uuid:public_id>/tag/", customers.Tag.as_view(), name="tag"),
    path("customers/<uuid:public_id>/visit/", customers.Visit.as_view(), name="visit"),
    path("sidebar/", sidebar.Sidebar.as_view(), name="sidebar"),
    path("sidebar/contact/", sidebar.Contact.as_view(), name="sidebar_contact"),
    path("sidebar/signature/", sidebar.Signature.as_view(), name="signature"),
    path("tools/", me.Tools.as_view(), name="tools"),
    path("me/", me.Me.as_view(), name="me"),
    path("me/display/", me.Display.as_view(), name="display"),
    path("actions/", phone.Actions.as_view(), name="actions"),
    path("queue/", phone.Queue.as_view(), name="queue"),
    path("saved/", phone.Saved.as_view(), name="saved"),
    path("offline/", phone.Offline.as_view(), name="offline"),
    path("worker.js", phone.Worker.as_view(), name="worker"),
    path("team/", team.Team.as_view(), name="team"),
    path("team/chase/", team.Chase.as_view(), name="chase"),
]
