"""Addresses of the customers' pages, under /m/. Nothing about a person stands in them."""

from django.urls import path

from apps.member_portal.views import appointments, finding, joining, looks, me, sign_in

app_name = "member_portal"

urlpatterns = [
    path("", me.Home.as_view(), name="home"),
    path("join/<str:token>/", joining.Join.as_view(), name="join"),
    path("code/", joining.Code.as_view(), name="code"),
    path("code/again/", joining.CodeAgain.as_view(), name="code_again"),
    path("welcome/", joining.Welcome.as_view(), name="welcome"),
    path("welcome/live/", joining.WelcomeLive.as_view(), name="welcome_live"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/wecom/", sign_in.WeComAsk.as_view(), name="wecom_ask"),
    path("sign-in/back/", sign_in.WeComBack.as_view(), name="wecom_back"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("guide/add/", me.AddGuide.as_view(), name="add_guide"),
    path("find/", finding.Find.as_view(), name="find"),
    path("coupons/", me.Coupons.as_view(), name="coupons"),
    path("points/", me.Points.as_view(), name="points"),
    path("looks/<str:code>/", looks.LookPage.as_view(), name="look"),
    path("choices/", me.Choices.as_view(), name="choices"),
    path("choices/off/", me.Withdraw.as_view(), name="withdraw"),
    path("choices/on/", me.Give.as_view(), name="give"),
    path("stop/", me.Stop.as_view(), name="stop"),
    path("stop/back/", me.AllowAgain.as_view(), name="allow_again"),
    path("appointments/", appointments.Appointments.as_view(), name="appointments"),
    path(
        "appointments/<int:appointment_id>/cancel/",
        appointments.Cancel.as_view(),
        name="cancel_appointment",
    ),
    path("data/", me.Data.as_view(), name="data"),
    path("data/copy/", me.Copy.as_view(), name="copy"),
    path("data/erase/", me.Erase.as_view(), name="erase"),
    path("data/keep/", me.KeepData.as_view(), name="keep_data"),
]
