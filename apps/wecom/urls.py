from django.urls import path

from apps.wecom.views import CallbackView

app_name = "wecom"
urlpatterns = [
    path("callback/<slug:slug>/", CallbackView.as_view(), name="callback"),
]
