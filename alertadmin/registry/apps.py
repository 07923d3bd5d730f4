from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_delete


class RegistryConfig(AppConfig):
    name = "alertadmin.registry"

    def ready(self) -> None:
        from allauth.mfa.models import Authenticator

        from alertadmin.accounts import address_upgrade
        from alertadmin.registry import second_factors
        from alertadmin.registry.addresses import ADDRESSES

        post_delete.connect(second_factors.forget, sender=Authenticator, dispatch_uid="second factor's secret")
        address_upgrade.watch(*ADDRESSES)
