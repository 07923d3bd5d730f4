from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    name = "alertadmin.outbox"
    verbose_name = _("Outbox")

    def ready(self) -> None:
        from alertadmin.accounts import audit
        from alertadmin.outbox import (
            account_mail,
            address_proof_mail,
            consent_mail,
            content,
            handover_mail,
            invitation_mail,
            password_mail,
            test_send,
        )
        from alertadmin.outbox.models import Purpose
        from alertadmin.registry.handing import handed_over

        content.register(Purpose.TEST, test_send.compose)
        content.register(Purpose.CONSENT, consent_mail.compose, owner=consent_mail.owner)
        content.register(Purpose.HANDOVER, handover_mail.compose)
        handed_over.connect(handover_mail.tell)
        content.register(Purpose.ACCOUNT, account_mail.compose)
        audit.recorded.connect(account_mail.tell)
        content.register(Purpose.INVITATION, invitation_mail.compose, invitation_mail.fill)
        content.register(Purpose.PROOF, address_proof_mail.compose, address_proof_mail.fill)
        audit.recorded.connect(address_proof_mail.write)
        content.register(Purpose.PASSWORD, password_mail.compose, password_mail.fill)
