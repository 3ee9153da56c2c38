from django.urls import path

from apps.contact_codes import views

app_name = "contact_codes"
urlpatterns = [path("<slug:slug>/", views.scan, name="scan")]
