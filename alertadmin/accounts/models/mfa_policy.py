"""The installation's MFA policy: one row, or none until an owner decides. The default is STAFF: users who may change
something in all tenants must add a second factor."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class MfaRequirement(models.TextChoices):
    OPTIONAL = "optional", _("Optional: each user decides")
    STAFF = "staff", _("Required for users who can change something in all tenants, one week after their first sign-in")
    CHANGERS = "changers", _("Required for users who can change something")
    ALL = "all", _("Required for all users")


class MfaPolicy(models.Model):
    only = models.BooleanField(primary_key=True, default=True, editable=False)
    second_factor = models.CharField(
        _("Who must use MFA"), max_length=8, choices=MfaRequirement, default=MfaRequirement.STAFF
    )

    class Meta:
        db_table = "accounts_signindemand"  # older than the model's name
        constraints = [
            models.CheckConstraint(condition=models.Q(only=True), name="sign_in_demand_is_one"),
            models.CheckConstraint(
                condition=models.Q(second_factor__in=MfaRequirement.values), name="sign_in_demand_is_known"
            ),
        ]
        verbose_name = _("multifactor authentication policy")
        verbose_name_plural = _("multifactor authentication policies")

    def __str__(self) -> str:
        return self.get_second_factor_display()

    @classmethod
    def of_now(cls) -> MfaPolicy:
        return cls.objects.first() or cls()
