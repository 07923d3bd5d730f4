from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "alertadmin.accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from alertadmin.accounts import address_upgrade, noting
        from alertadmin.accounts.audit import guard, sessions

        noting.connect()
        address_upgrade.watch(*address_upgrade.ACCOUNTS)
        pre_migrate.connect(address_upgrade.before_migrate, sender=self)
        pre_migrate.connect(guard.before_migrate, sender=self)
        post_migrate.connect(guard.after_migrate, sender=self)
        sessions.listen()
