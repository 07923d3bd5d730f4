"""User accounts, which sign in with an e-mail address, and the one-time link that creates the first one."""

from __future__ import annotations

import hashlib
import secrets
import zoneinfo
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.accounts import languages
from alertadmin.accounts.email_address import (
    LONGEST,
    CanonicalAddressField,
    EmailAddressField,
    UniqueAddress,
    clean_stored,
)
from alertadmin.accounts.models.invitation import Invitation, InvitedRole
from alertadmin.accounts.models.membership import Membership, make_owner
from alertadmin.accounts.models.pending_role import PendingRole
from alertadmin.accounts.time_zones import TimeZoneField, zone_or_utc
from alertadmin.audit import AuditAction
from alertadmin.audit.models import AuditEntry
from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.audit.throttle_counter import ThrottleCounter
from alertadmin.stored_values import ObjectListField
from mailer.email_address import canonical
from mailer.pasted_address import canonical_pasted

__all__ = [
    "AuditEntry",
    "FirstAdministratorLink",
    "Invitation",
    "InvitedRole",
    "Membership",
    "PendingRole",
    "ThrottleCounter",
    "User",
    "UserManager",
]


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Raises ValidationError if the address is invalid."""
        user = self.model(email=clean_stored(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def by_address(self, address: str) -> User | None:
        """The user with this address, as typed or stored, compared in canonical form."""
        return self.filter(email_canonical=canonical_pasted(address)).first()

    def get_by_natural_key(self, username: str | None) -> User:
        """Django's hook for sign-in. Raises User.DoesNotExist."""
        return self.get(email_canonical=canonical(username or ""))

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an owner of the installation from the console; the operator vouches for the address."""
        with transaction.atomic():
            proven = {"proven_at": timezone.now(), "proven_address": canonical_pasted(email)}
            user = self.create_user(email, password, **{**proven, **fields})
            make_owner(user)
        return user


def _of_tenants(tenants: models.QuerySet[Any]) -> models.Q:
    """Users with a role in one of the tenants."""
    return models.Q(pk__in=Membership.objects.filter(tenant__in=tenants).order_by().values("user"))


@tenant_scoped(_of_tenants)
class User(AbstractBaseUser):
    email = EmailAddressField(_("e-mail address"), unique=True)
    """Where mails are sent. Lookups use `email_canonical` only."""
    email_canonical = CanonicalAddressField(of="email")
    name = models.CharField(_("name"), max_length=120, blank=True)
    time_zone = TimeZoneField(_("time zone"))
    language = models.CharField(_("language"), max_length=8, blank=True, choices=languages.of_a_person)
    """Language of pages and reminder mails. Blank: pages use the browser's, mails the tenant's."""
    is_active = models.BooleanField(default=True)
    made_by = models.SlugField(max_length=40, blank=True, editable=False)
    """Slug of the sign-in provider that created the account and stated its address; blank: created by a person."""
    proven_at = models.DateTimeField(_("address confirmed"), null=True, editable=False)
    """When a mailed link was opened or the operator vouched for the address (accounts.address_proof)."""
    proven_address = models.CharField(max_length=LONGEST, blank=True, default="", editable=False)
    """Canonical form of the proven address; a different address of the account is unproven."""
    factor_due_at = models.DateTimeField(null=True, editable=False)
    """When a second factor becomes mandatory for users who may change something in all tenants (mfa.enforcement)."""
    saved_views = ObjectListField(
        keys={"list": str, "name": str, "query": str}, default=list, blank=True, editable=False
    )
    """Searches of lists by name (dashboard.lists.saved_views)."""
    compact_lists = models.BooleanField(default=False, db_default=False, editable=False)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            UniqueAddress(
                fields=["email_canonical"],
                name="one_account_per_address",
                violation_error_message=_("An account with this address already exists."),
            )
        ]
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.name or self.email

    def get_absolute_url(self) -> str:
        return reverse("person", args=[self.pk])

    @property
    def is_proven(self) -> bool:
        return self.proven_at is not None and self.proven_address == canonical(self.email)

    @property
    def own_language(self) -> str:
        """Empty without one, or with one that this version does not have."""
        return languages.supported_or_empty(self.language)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zone_or_utc(self.time_zone)


class FirstAdministratorLink(models.Model):
    """Valid once, and only while there is no user. The token is printed and stored only as a digest."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("first administrator's link")

    def __str__(self) -> str:
        return self.created_at.isoformat()

    @classmethod
    def make(cls, now: datetime) -> str:
        """Create a token and invalidate earlier ones."""
        token = secrets.token_urlsafe(32)
        with transaction.atomic():
            cls.objects.all().delete()
            cls.objects.create(digest=_digest(token), created_at=now)
        return token

    @classmethod
    def is_good(cls, token: str) -> bool:
        return cls.objects.filter(digest=_digest(token)).exists() and not User.objects.exists()

    @classmethod
    def redeem(cls, token: str, email: str, password: str, **fields: Any) -> User | None:
        """Create the first administrator; None if the link is used or invalid. Of two concurrent calls one succeeds."""
        with transaction.atomic():
            used, _rows = cls.objects.filter(digest=_digest(token)).delete()
            if not used or User.objects.exists():
                return None
            made = User.objects.create_superuser(email, password, **fields)
            audit.record(AuditAction.PERSON_CREATED, made, by=made, method="first administrator's link")
            return made


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
