from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reminders', '0004_app_names_of_256_characters'),
    ]

    operations = [
        migrations.AddField(
            model_name='scan',
            name='left_out',
            field=models.JSONField(blank=True, default=list),
        ),
    ]
