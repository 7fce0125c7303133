"""Posts and who holds them, and standing bodies; people and trees live in the kernel."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models import Record, User, person


class Post(Record):
    """A post 岗位: what its holder answers for and which steps of the processes are theirs."""

    title_field = "title"
    title = models.CharField(_("Name"), max_length=100, unique=True)
    responsibilities = models.TextField(_("Responsibilities"), blank=True)
    permissions = models.TextField(_("Authority"), blank=True, help_text=_("What the post may decide, in words."))
    steps = models.JSONField(_("Process steps"), default=list, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Post"), _("Posts")


class PostHolding(models.Model):
    """A person holds a post from a day on; ended holdings stay as history."""

    user = models.ForeignKey(User, models.CASCADE, related_name="holdings")
    post = models.ForeignKey(Post, models.PROTECT, related_name="holdings")
    main = models.BooleanField(_("Main post"), default=False)
    since = models.DateField(_("Since"))
    until = models.DateField(_("Until"), null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user",), condition=Q(main=True, until=None), name="org_one_main_post_a_person"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="org_holding_ends_after_it_begins"
            ),
        )


class Body(Record):
    """A standing group 组织, such as a policy committee: its chair, its members and what it is for."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    duties = models.TextField(_("Duties"), blank=True)
    chair = person(_("Chair"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Body"), _("Bodies")


class BodyMember(models.Model):
    """A person belongs to a body, with what is theirs to do in it."""

    body = models.ForeignKey(Body, models.CASCADE, related_name="members")
    position = models.PositiveIntegerField(default=0, editable=False)
    member = person(_("Member"))
    duty = models.CharField(_("Duty"), max_length=200, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("body", "member"), name="org_member_once_a_body"),)
