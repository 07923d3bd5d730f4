"""Find the user that a command is about."""

from __future__ import annotations

from django.utils.translation import gettext as _

from alertadmin.accounts.email_address import error_in
from alertadmin.accounts.models import User
from alertadmin.management.base import CommandRefused


def person(email: str) -> User:
    """Return the user with this address. Raises CommandRefused if there is none."""
    found = User.objects.by_address(email)
    if found is None and (reason := error_in(email)):
        raise CommandRefused(_("“%(text)s”: %(reason)s") % {"text": email, "reason": reason})
    if found is None:
        raise CommandRefused(_("No user signs in here with %(email)s.") % {"email": email})
    return found
