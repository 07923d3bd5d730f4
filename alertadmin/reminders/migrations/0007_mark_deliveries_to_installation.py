"""Deliveries of earlier versions to the installation's people and channels are marked as such, by who they are now."""

from django.db import migrations
from django.db.models import Q

from mailer.email_address import canonical

CHANGERS = ("owner", "administrator")


def mark(apps, schema_editor):
    told = apps.get_model("outbox", "Delivery").objects.filter(purpose__in=["reminder", "calendar"])
    recipients = apps.get_model("reminders", "Recipient").objects.filter(tenant=None, app=None)
    staff = apps.get_model("accounts", "Membership").objects.filter(tenant=None, role__in=CHANGERS)
    named = [*recipients.values_list("email", flat=True), *staff.values_list("user__email", flat=True)]
    addresses = {form for email in named for form in (email.lower(), canonical(email))}
    channels = apps.get_model("outbox", "Channel").objects.filter(tenant=None, app=None)
    told.filter(Q(recipient__in=addresses) | Q(channel__in=channels.values("pk"))).update(to_installation=True)


class Migration(migrations.Migration):
    dependencies = [
        ("reminders", "0006_canonical_addresses"),
        ("outbox", "0016_to_installation"),
        ("accounts", "0007_invitations"),
    ]

    operations = [
        migrations.RunPython(mark, migrations.RunPython.noop, elidable=True),
    ]
