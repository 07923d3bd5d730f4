"""Whose mail each delivery is, so that a tenant's leaves by no mailbox of another.

Of what is repeated word for word it is found out here, as alertadmin.reminders.ownership does; other words are made
anew before they leave, and say it then.
"""

from django.db import migrations, models
from django.db.models import Q

from mailer.email_address import canonical


def find_owners(apps, schema_editor):
    deliveries = apps.get_model("outbox", "Delivery").objects.filter(
        state__in=["pending", "sending", "uncertain"], was_uncertain=True, composed_at__isnull=False, channel_label=""
    )
    notices = apps.get_model("reminders", "Notice").objects
    entries = apps.get_model("reminders", "CalendarEntry").objects
    requests = apps.get_model("outbox", "ConsentRequest").objects
    tenants = apps.get_model("registry", "Tenant").objects
    has_several = tenants.order_by()[1:2].exists()
    for delivery in deliveries.filter(purpose__in=["reminder", "calendar", "consent"]).only("pk", "recipient", "purpose"):
        if delivery.purpose == "reminder":
            told_of = set(notices.filter(delivery=delivery).values_list("reminder__tenant", flat=True))
        elif delivery.purpose == "calendar":
            found = entries.filter(Q(corrected_by=delivery) | Q(delivery=delivery))
            told_of = set(found.values_list("tenant", flat=True))
        else:
            told_of = set(requests.filter(delivery=delivery).values_list("tenant", flat=True))
        if len(told_of) == 1:
            [tenant] = told_of
            if delivery.purpose == "consent" or not has_several or _is_of(apps, tenant, delivery.recipient):
                deliveries.filter(pk=delivery.pk).update(belongs_to=str(tenant))


def _is_of(apps, tenant, recipient):
    contacts = apps.get_model("registry", "Contact").objects.filter(tenant=tenant)
    named = apps.get_model("reminders", "Recipient").objects.filter(Q(tenant=tenant) | Q(app__tenant=tenant))
    found = [*contacts.values_list("email", flat=True), *named.values_list("email", flat=True)]
    return canonical(recipient) in map(canonical, found)


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0014_doubt_is_no_end"),
        ("reminders", "0006_canonical_addresses"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="belongs_to",
            field=models.CharField(blank=True, db_default="", default="", max_length=36),
        ),
        migrations.RunPython(find_owners, migrations.RunPython.noop, elidable=True),
    ]
