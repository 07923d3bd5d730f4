from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0015_whose_mail"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="to_installation",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
