"""Names of audited actions: the kind of object, a dot, the past participle.

Add new actions here. The stored value must stay; the label may change.
"""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class AuditAction(TextChoices):
    TENANT_CREATED = "tenant.created", _("Tenant added")
    TENANT_CHANGED = "tenant.changed", _("Tenant changed")
    TENANT_DELETED = "tenant.deleted", _("Tenant deleted")
    APP_CREATED = "app.created", _("App registration added")
    APP_CHANGED = "app.changed", _("App registration changed")
    APP_DELETED = "app.deleted", _("App registration deleted")

    CREDENTIAL_CREATED = "credential.created", _("Secret or certificate added")
    CREDENTIAL_CHANGED = "credential.changed", _("Secret or certificate changed")
    CREDENTIAL_DELETED = "credential.deleted", _("Secret or certificate deleted")
    CREDENTIAL_REPLACED = "credential.replaced", _("Secret or certificate put into use")
    CREDENTIAL_PROVEN = "credential.proven", _("Secret or certificate verified")
    CREDENTIAL_HELD = "credential.held", _("Reminders snoozed")
    CREDENTIAL_RESUMED = "credential.resumed", _("Reminders resumed")
    SECRET_HANDED_OVER = "secret.handed_over", _("Secret shown")
    SECRET_LINK_MADE = "secret.link_made", _("One-time link to a secret created")
    SECRET_LINK_OPENED = "secret.link_opened", _("Secret shown by a one-time link")
    SECRET_LINK_REVOKED = "secret.link_revoked", _("One-time link to a secret revoked")

    MAILBOX_CREATED = "mailbox.created", _("Mailbox added")
    MAILBOX_CHANGED = "mailbox.changed", _("Mailbox changed")
    MAILBOX_DELETED = "mailbox.deleted", _("Mailbox deleted")
    MAILBOX_TEST_SENT = "mailbox.test_sent", _("Test mail sent")
    MAILBOX_SCOPE_TRIED = "mailbox.scope_tried", _("Test send as another mailbox")
    MAILBOX_SIGN_IN_BEGUN = "mailbox.sign_in_begun", _("Sign-in of a personal account started")
    MAILBOX_SIGNED_IN = "mailbox.signed_in", _("Personal account signed in")

    CONSENT_CHECKED = "consent.checked", _("Consent checked")
    CONSENT_RUN_BEGUN = "consent.run_begun", _("Check of all consents started")
    CONSENT_CHANGED = "consent.changed", _("Consent changed")
    CONSENT_REQUESTED = "consent.requested", _("Consent requested by mail")
    RENEWAL_REQUESTED = "renewal.requested", _("Renewal requested by mail")
    BULK_STARTED = "bulk.started", _("Bulk action started")
    BULK_STOPPED = "bulk.stopped", _("Bulk action stopped")
    CONSENT_RETURNED = "consent.returned", _("Returned from Microsoft’s consent page")

    CHANNEL_CREATED = "channel.created", _("Channel added")
    CHANNEL_CHANGED = "channel.changed", _("Channel changed")
    CHANNEL_DELETED = "channel.deleted", _("Channel deleted")
    CHANNEL_TESTED = "channel.tested", _("Channel tested")
    CHANNEL_PAUSED = "channel.paused", _("Channel paused")
    CHANNEL_RESUMED = "channel.resumed", _("Channel resumed")
    CHANNEL_KEY_RENEWED = "channel.key_renewed", _("Channel’s signing key renewed")
    POLICY_CHANGED = "policy.changed", _("Reminder rules changed")
    MONTHLY_CHANGED = "monthly.changed", _("Monthly mail changed")
    DELIVERY_HASTENED = "delivery.hastened", _("Delivery sent immediately")
    DELIVERY_CONFIRMED = "delivery.confirmed", _("Delivery marked as delivered")
    DELIVERY_GIVEN_UP = "delivery.given_up", _("Delivery cancelled")
    REVIEW_SENT = "review.sent", _("Withheld mails sent")
    REVIEW_TOLD = "review.told", _("Withheld mails marked as already sent")
    REMINDERS_SENT = "reminders.sent", _("Reminders sent by command")
    CALENDAR_CREATED = "calendar.created", _("Calendar address created")
    CALENDAR_RENEWED = "calendar.renewed", _("Calendar address renewed")
    CALENDAR_REVOKED = "calendar.revoked", _("Calendar address revoked")
    IMPORT_DONE = "import.done", _("Registrations imported")
    EXPORT_DONE = "export.done", _("List exported")

    SESSION_SIGNED_IN = "session.signed_in", _("Signed in")
    SESSION_NEW_BROWSER = "session.new_browser", _("Signed in with a new browser")
    SESSION_SIGNED_OUT = "session.signed_out", _("Signed out")
    SESSION_REVOKED = "session.revoked", _("Session signed out remotely")
    SESSION_REAUTHENTICATED = "session.reauthenticated", _("Identity confirmed again")
    PERSON_CREATED = "person.created", _("User added")
    PERSON_CHANGED = "person.changed", _("User changed")
    PERSON_DELETED = "person.deleted", _("User deleted")
    PERSON_INVITED = "person.invited", _("User invited")
    PERSON_ACCEPTED = "person.accepted", _("Invitation accepted")
    PERSON_PROVEN = "person.proven", _("Address confirmed")
    PERSON_ROLE_PENDING = "person.role_pending", _("Role pending until the address is confirmed")
    PERSON_ROLE_WITHDRAWN = "person.role_withdrawn", _("Pending role withdrawn")
    PERSON_ROLE_CHANGED = "person.role_changed", _("User’s role changed")
    PERSON_DEACTIVATED = "person.deactivated", _("User disabled")
    PERSON_ACTIVATED = "person.activated", _("User enabled")
    PERSON_LINKED = "person.linked", _("Sign-in provider connected")
    PERSON_UNLINKED = "person.unlinked", _("Sign-in provider disconnected")
    PASSWORD_RESET_ASKED = "password.reset_asked", _("New password requested")
    PASSWORD_LINK_MADE = "password.link_made", _("Password link created on the console")
    PASSWORD_CHANGED = "password.changed", _("Password changed")
    FACTOR_ADDED = "factor.added", _("MFA method added")
    FACTOR_REMOVED = "factor.removed", _("MFA method removed")
    INSTALLATION_ROUTE_CHANGED = (
        "installation.route_changed",
        _("The installation’s sending route or recipients changed"),
    )
    SIGN_IN_DEMAND_CHANGED = "sign_in_demand.changed", _("MFA policy changed")
    ACCESS_REFUSED = "access.refused", _("Access refused")

    SECRETS_BOUND = "secrets.bound", _("Stored secrets bound to their destinations")
    SECRET_UNREADABLE = "secret.unreadable", _("Stored secret found altered, moved or redirected")
    KEY_ADDED = "key.added", _("Encryption key added")
    KEY_ROTATED = "key.rotated", _("Secrets re-encrypted with the newest key")
    KEY_REMOVED = "key.removed", _("Encryption key removed")
    BACKUP_MADE = "backup.made", _("Backup created")
    BACKUP_RESTORED = "backup.restored", _("Backup restored")
    RECORDS_PRUNED = "records.pruned", _("Old mails and scans deleted")
    AUDIT_UNGUARDED = "audit.unguarded", _("Audit trail protection was missing")
    AUDIT_PRUNED = "audit.pruned", _("Old entries of the audit trail deleted")


class Result(TextChoices):
    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")
    FAILED = "failed", _("Failed")
