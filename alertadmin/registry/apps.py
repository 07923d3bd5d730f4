from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_delete


class RegistryConfig(AppConfig):
    name = "alertadmin.registry"

    def ready(self) -> None:
        from allauth.mfa.models import Authenticator

        from alertadmin.registry import mfa_adapter

        post_delete.connect(mfa_adapter.delete_mfa_secrets, sender=Authenticator, dispatch_uid="second factor's secret")
