from django.urls import path

from apps.outreach import views

app_name = "outreach"
urlpatterns = [
    path("covers/<uuid:name>.<slug:extension>", views.cover, name="cover"),
    path("<str:code>/", views.link, name="link"),
    path("<str:code>/page/", views.content, name="content"),
]
