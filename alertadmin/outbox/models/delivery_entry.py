"""Further entries of the audit trail that a mail covers; its dedupe key names the first."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.outbox.models.delivery import Delivery


class DeliveryEntry(models.Model):
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="further_entries")
    number = models.BigIntegerField()
    """Number of the `AuditEntry`. Not a foreign key: entries have their own retention."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="delivery_entry_once")]
        verbose_name = _("audit entry of a mail")
        verbose_name_plural = _("audit entries of a mail")

    def __str__(self) -> str:
        return str(self.number)
