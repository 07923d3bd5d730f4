# The migrations of 0.1.0's development in one file; a database that has all of them has this one.

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('accounts', '0002_language'),
        ('accounts', '0003_tries'),
        ('accounts', '0004_audit_trail'),
        ('accounts', '0005_memberships'),
        ('accounts', '0006_roles_instead_of_flags'),
        ('accounts', '0007_invitations'),
        ('accounts', '0008_sign_in_demand'),
        ('accounts', '0009_group_roles_lapse'),
        ('accounts', '0010_canonical_addresses'),
        ('accounts', '0011_second_factor_by_default'),
        ('accounts', '0012_made_by_provider'),
        ('accounts', '0013_proven_addresses'),
    ]

    dependencies = [
        ('accounts', '0001_squashed'),
        ('registry', '0001_squashed'),
    ]

    operations = [
        migrations.AddField(
            model_name='invitedrole',
            name='tenant',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='registry.tenant'),
        ),
        migrations.AddField(
            model_name='membership',
            name='tenant',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='registry.tenant', verbose_name='tenant'),
        ),
        migrations.AddField(
            model_name='membership',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='mfapolicy',
            constraint=models.CheckConstraint(condition=models.Q(('only', True)), name='sign_in_demand_is_one'),
        ),
        migrations.AddConstraint(
            model_name='mfapolicy',
            constraint=models.CheckConstraint(condition=models.Q(('second_factor__in', ['optional', 'staff', 'changers', 'all'])), name='sign_in_demand_is_known'),
        ),
        migrations.AddField(
            model_name='pendingrole',
            name='given_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='pendingrole',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='pending_role', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='invitedrole',
            constraint=models.UniqueConstraint(fields=('invitation', 'tenant'), name='invited_role_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='invitedrole',
            constraint=models.UniqueConstraint(condition=models.Q(('tenant', None)), fields=('invitation',), name='invited_role_once_in_the_installation'),
        ),
        migrations.AddConstraint(
            model_name='invitedrole',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'administrator', 'operator', 'viewer', 'auditor'])), name='invited_role_is_known'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('user', 'tenant', 'source'), name='role_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('tenant', None)), fields=('user', 'source'), name='role_once_in_the_installation'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'administrator', 'operator', 'viewer', 'auditor'])), name='membership_role_is_known'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('source', 'group'), _negated=True), ('confirmed_at__isnull', False), _connector='OR'), name='group_role_was_confirmed'),
        ),
        migrations.AddConstraint(
            model_name='pendingrole',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'administrator', 'operator', 'viewer', 'auditor'])), name='pending_role_is_known'),
        ),
    ]
