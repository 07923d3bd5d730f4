"""What became of the last ping: one row for the installation."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Ping(models.Model):
    """Always of the key 1."""

    tried_at = models.DateTimeField(_("tried"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    """The last time that it was heard."""
    trouble = models.TextField(blank=True)
    """Why it was not heard at `tried_at`, in one English sentence (see retelling)."""

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_ping")]
        verbose_name = _("ping")
        verbose_name_plural = _("pings")

    def __str__(self) -> str:
        return self.trouble or "heard"
