"""Entry of the audit trail. Immutable: refused by this model, and by database triggers for other clients."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.actions import AuditAction, Result
from alertadmin.audit.tenant_scope import tenant_scoped


class AppendOnly(Exception):
    """An attempt to change or delete an entry."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Read-only. `audit.record` writes entries, `audit.retention.prune` deletes them."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("The audit trail is only added to, by audit.record.")

    update = delete = bulk_create = bulk_update = create = get_or_create = update_or_create = _refuse
    _raw_delete = _update = _refuse


@tenant_scoped("tenant")
class AuditEntry(models.Model):
    number = models.BigIntegerField(primary_key=True)
    """From 1, without gaps."""
    at = models.DateTimeField(_("time"))
    who = models.CharField(_("user"), max_length=254)
    """The user's e-mail address at that time, or an actor kind (audit.actor)."""
    person_id = models.BigIntegerField(null=True)
    """Not a foreign key: the entry stays unchanged when the user is deleted."""
    address = models.CharField(_("address"), max_length=45, blank=True)
    request = models.CharField(max_length=32, blank=True)
    act = models.CharField(_("action"), max_length=60)
    result = models.CharField(_("result"), max_length=8)
    kind = models.CharField(_("kind of target"), max_length=60, blank=True)
    """Label of the object's model, such as "registry.tenant"."""
    object_id = models.CharField(max_length=64, blank=True)
    label = models.CharField(_("target"), max_length=200, blank=True)
    """The object's name at that time."""
    tenant = models.UUIDField(_("tenant"), null=True)
    """The object's tenant; empty for the installation."""
    details = models.JSONField(_("details"), default=dict)
    previous = models.CharField(max_length=64)
    """Digest of the previous entry."""
    digest = models.CharField(max_length=64)

    objects = AuditQuerySet.as_manager()

    class Meta:
        app_label = "accounts"
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["at"], name="audit_by_time"),
            models.Index(fields=["person_id", "number"], name="audit_by_person"),
            models.Index(fields=["act", "number"], name="audit_by_act"),
            models.Index(fields=["tenant", "number"], name="audit_by_tenant"),
            models.Index(fields=["object_id", "number"], name="audit_by_object"),
        ]
        verbose_name = _("entry of the audit trail")
        verbose_name_plural = _("audit trail")

    def __str__(self) -> str:
        return f"{self.number} {self.act}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly(f"Entry {self.number} of the audit trail is written already.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly(f"Entry {self.number} of the audit trail stays.")

    @property
    def named_details(self) -> dict[str, Any]:
        """For readers. `details` is what the digest was made of, also where it was altered to something else."""
        return self.details if isinstance(self.details, dict) else {"details": self.details}

    @property
    def act_label(self) -> str:
        """The stored value for actions unknown to this release."""
        return str(AuditAction(self.act).label) if self.act in AuditAction.values else self.act

    @property
    def result_label(self) -> str:
        return str(Result(self.result).label) if self.result in Result.values else self.result
