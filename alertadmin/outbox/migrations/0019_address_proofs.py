from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0018_delivery_entries"),
    ]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("test", "Test send"),
                    ("reminder", "Reminder"),
                    ("calendar", "Calendar entry"),
                    ("house", "About alertadmin itself"),
                    ("consent", "Request for consent"),
                    ("invitation", "Invitation"),
                    ("password", "Link to a new password"),
                    ("handover", "Secret shown"),
                    ("account", "About a person’s account"),
                    ("proof", "Proof of an address"),
                ],
                max_length=12,
                verbose_name="purpose",
            ),
        ),
    ]
