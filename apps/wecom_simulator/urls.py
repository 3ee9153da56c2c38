"""Every address of the simulator."""

from django.urls import path

from . import control, gateway, oauth, phones

GUIDE = "phone/guide/<str:userid>/"
CUSTOMER = "phone/customer/<str:external_userid>/"

urlpatterns = [
    path("cgi-bin/<path:path>", gateway.api),
    path("connect/oauth2/authorize", oauth.authorize),
    path("wwlogin/sso/login", oauth.qr_login),
    path("jssdk/wecom.js", phones.jssdk_script),
    path("jssdk/call.js", oauth.jssdk_call),
    path("become", oauth.become),
    path("open", oauth.open_url),
    # control
    path("sim/healthz", control.healthz),
    path("sim/reset", control.reset),
    path("sim/corp", control.corp),
    path("sim/callback-config", control.callback_config),
    path("sim/seed", control.seed),
    path("sim/customers/add-guide", control.add_guide),
    path("sim/follows/delete", control.end_follow),
    path("sim/follows/edit", control.edit_follow),
    path("sim/chats/say", control.say),
    path("sim/cards/click", control.click_card),
    path("sim/sends", control.sends),
    path("sim/sends/confirm", control.confirm_send),
    path("sim/sends/ignore", control.ignore_send),
    path("sim/moments/publish", control.publish_moment),
    path("sim/links/tap", control.tap_link),
    path("sim/callbacks", control.callback_log),
    path("sim/callbacks/faults", control.callback_faults),
    path("sim/callbacks/flush", control.callback_flush),
    path("sim/faults", control.faults),
    path("sim/faults/clear", control.clear_faults),
    path("sim/tokens/expire", control.expire_tokens),
    path("sim/clock", control.clock),
    path("sim/switches", control.switches),
    path("sim/calls", control.calls),
    path("sim/guides", control.guides),
    path("sim/customers", control.customers),
    path("sim/phones/guides/<str:userid>", control.guide_phone),
    path("sim/phones/customers/<str:external_userid>", control.customer_phone),
    path("sim/sms", control.sms),
    path("sim/jssdk/verify", control.jssdk_verify),
    path("sim/jssdk/send", control.jssdk_send),
    # pages
    path("", phones.home),
    path(GUIDE, phones.guide_phone),
    path(GUIDE + "notices/", phones.notices),
    path(GUIDE + "notices/click", phones.click_card),
    path(GUIDE + "sends/", phones.sends),
    path(GUIDE + "sends/<str:msgid>/", phones.send_page),
    path(GUIDE + "sends/<str:msgid>/confirm", phones.confirm),
    path(GUIDE + "sends/<str:msgid>/ignore", phones.ignore),
    path(GUIDE + "moments/", phones.moments),
    path(GUIDE + "moments/<str:moment_id>/publish", phones.publish),
    path(GUIDE + "chat/<str:external_userid>/", phones.chat),
    path(GUIDE + "chat/<str:external_userid>/say", phones.say),
    path("phone/sms/", phones.sms),
    path(CUSTOMER, phones.customer_phone),
    path(CUSTOMER + "part", phones.part),
    path("qr/<str:config_id>/", phones.scan),
    path("avatar/<str:userid>.svg", phones.avatar),
    path("static/<str:name>", phones.static),
]
