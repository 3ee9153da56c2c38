"""What goes out beside a message to groups or a post: a script's attachments, pictures, a link.

A browser gives up chosen files when a page comes back. So every good picture is kept at once, and
the form carries the sealed names on.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import DomainError
from apps.guide_tasks.models import TaskPush
from apps.outreach import attachments
from apps.outreach.attachments import Piece, opened, sealed
from apps.outreach.models import MessageTemplate
from apps.outreach.selectors import attachments_of


class _Pictures(forms.FileInput):
    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return files.getlist(name) if files else []

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in files


class _PicturesField(forms.FileField):
    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(_PicturesField, self).clean(one, initial) for one in data or []]


class AttachmentsForm(forms.Form):
    """`cleaned_data["attachments"]` are the pieces, in the order in which they go out."""

    script = forms.ModelChoiceField(
        MessageTemplate.objects.none(),
        label=gettext_lazy("Attachments of a script"),
        required=False,
        empty_label=gettext_lazy("none"),
    )
    pictures = _PicturesField(
        label=gettext_lazy("Pictures"),
        required=False,
        widget=_Pictures(
            {"accept": "image/jpeg,image/png", "aria-label": gettext_lazy("Pictures")}
        ),
    )
    link_title = forms.CharField(label=gettext_lazy("Link: title"), max_length=60, required=False)
    link_summary = forms.CharField(
        label=gettext_lazy("Link: one line below it"), max_length=200, required=False
    )
    link_url = forms.URLField(
        label=gettext_lazy("Link: address"), max_length=2048, required=False, assume_scheme="https"
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.for_moments = kind == TaskPush.Kind.MOMENTS
        scripts = MessageTemplate.objects.of_chain().filter(is_active=True)
        if self.for_moments:
            del self.fields["link_summary"]  # moments show none
        script: Any = self.fields["script"]
        script.queryset = scripts.filter(attachments__isnull=False).distinct().order_by("name")
        self.kept = self._still_kept() if self.is_bound else []

    def _still_kept(self) -> list[str]:
        """The pictures of the page before, without those that were crossed out."""
        given: Any = self.data
        dropped = set(given.getlist("drop"))
        names = (opened(one) for one in given.getlist("kept") if one not in dropped)
        return list(dict.fromkeys(name for name in names if name))[: attachments.MOST]

    @property
    def kept_names(self) -> list[str]:
        """Sealed, for the page."""
        return [sealed(file) for file in self.kept]

    @property
    def pieces(self) -> list[Piece]:
        return list(self.cleaned_data["attachments"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        self._keep_new(given.get("pictures") or [])
        script = given.get("script")
        pieces = attachments_of(script_id=script.pk if script else None)
        pieces += [attachments.picture(file) for file in self.kept]
        pieces += self._link(given)
        if self.for_moments:
            pieces = attachments.with_cover(pieces)
        given["attachments"] = pieces
        try:
            attachments.demand_short(pieces)
            if self.for_moments:
                attachments.demand_for_moments(pieces)
            else:
                attachments.demand_few(pieces)
        except DomainError as error:
            self.add_error(None, str(error))
        return given

    def _keep_new(self, chosen: list[Any]) -> None:
        if len(self.kept) + len(chosen) > attachments.MOST:
            self.add_error("pictures", str(attachments.TooManyAttachments(most=attachments.MOST)))
            return
        for picture in chosen:
            try:
                clean = attachments.clean_picture(picture.read(attachments.MAX_PICTURE_BYTES + 1))
            except DomainError as error:
                self.add_error("pictures", f"{picture.name}：{error}")
            else:
                self.kept.append(attachments.keep_file(clean))

    def _link(self, given: dict[str, Any]) -> list[Piece]:
        title, url = given.get("link_title", ""), given.get("link_url", "")
        summary = given.get("link_summary", "")
        if title and url:
            return [attachments.link(title=title, summary=summary, url=url)]
        if title or url or summary:
            missing = "link_url" if title else "link_title"
            if missing not in self.errors:
                self.add_error(missing, _("A link needs a title and an address."))
        return []


def shown(pieces: Sequence[Piece]) -> list[dict[str, str]]:
    """The pieces for a page: a picture by its sealed name."""
    return [{**piece, "sealed": sealed(piece.get("file", ""))} for piece in pieces]
