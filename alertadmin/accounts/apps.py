from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "alertadmin.accounts"
    verbose_name = _("Users")

    def ready(self) -> None:
        from alertadmin.accounts.audit_signals import sessions, throttling
        from alertadmin.audit import trigger_check

        throttling.connect()
        pre_migrate.connect(trigger_check.before_migrate, sender=self)
        post_migrate.connect(trigger_check.after_migrate, sender=self)
        sessions.listen()
