from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    name = "alertadmin.outbox"
    verbose_name = _("Outbox")

    def ready(self) -> None:
        from alertadmin import audit
        from alertadmin.outbox.mails import (
            account_notice,
            address_proof,
            composers,
            consent_request,
            invitation,
            password_reset,
            renewal_request,
            secret_disclosed,
        )
        from alertadmin.outbox.models import Purpose
        from alertadmin.outbox.send_test import test_send
        from alertadmin.registry.credentials.disclosure import credential_disclosed

        composers.register(Purpose.TEST, test_send.compose)
        composers.register(Purpose.CONSENT, consent_request.compose, owner=consent_request.owner)
        composers.register(Purpose.RENEWAL, renewal_request.compose, owner=renewal_request.owner)
        composers.register(Purpose.HANDOVER, secret_disclosed.compose)
        credential_disclosed.connect(secret_disclosed.notify_administrators)
        composers.register(Purpose.ACCOUNT, account_notice.compose)
        audit.recorded.connect(account_notice.notify_account)
        composers.register(Purpose.INVITATION, invitation.compose, invitation.fill)
        composers.register(Purpose.PROOF, address_proof.compose, address_proof.fill)
        audit.recorded.connect(address_proof.write)
        composers.register(Purpose.PASSWORD, password_reset.compose, password_reset.fill)
