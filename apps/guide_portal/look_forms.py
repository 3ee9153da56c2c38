"""Forms of 搭配."""

from django import forms

from apps.guide_portal.forms import ActForm


class LookForm(ActForm):
    title = forms.CharField(max_length=20, required=False)
    words = forms.CharField(max_length=60, required=False)


class SendLookForm(ActForm):
    look = forms.IntegerField(min_value=1, max_value=2**63 - 1)
