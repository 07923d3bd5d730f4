from __future__ import annotations

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_delete


class RegistryConfig(AppConfig):
    name = "alertadmin.registry"

    def ready(self) -> None:
        from allauth.mfa.models import Authenticator

        from alertadmin.registry import folded_text, mfa_adapter

        post_delete.connect(mfa_adapter.delete_mfa_secrets, sender=Authenticator, dispatch_uid="second factor's secret")
        connection_created.connect(folded_text.register_function, dispatch_uid="text search on SQLite")
        folded_text.register_lookup()
