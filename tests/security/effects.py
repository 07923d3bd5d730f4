"""What each page that is posted to can cause beyond rows of a tenant: the powers that it gives, and what they take.

A power is what somebody can reach by it. Whoever chooses by what the installation sends reads the mails that it sends,
an owner's link to a new password among them: so that power is an owner's. The closure of these rules says how far each
role gets by any chain of acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from alertadmin.accounts.roles import RIGHTS, Right, Role

Holding = frozenset[Right]
"""What somebody may do in the whole installation."""


class Effect(StrEnum):
    ROWS = "rows of a tenant"
    """Or nothing: what one may change there leads no further."""
    ONESELF = "one's own account"
    SENDER = "by what the installation sends"
    TOLD = "whom the installation tells of all tenants"
    SIGN_IN = "how people must sign in"
    ROLES = "roles of others, none that could do more than one's own"
    ACCOUNTS = "accounts of others who may do no more"


OWNERS = frozenset({Effect.SENDER, Effect.TOLD, Effect.SIGN_IN})
"""Effects by which one can become, or act as, an owner."""

CAUSES: Mapping[str, tuple[Effect, Right]] = {
    "mailbox-choose": (Effect.SENDER, Right.GOVERN),
    "mailbox-chosen-edit": (Effect.SENDER, Right.GOVERN),
    "app-of-chosen-edit": (Effect.SENDER, Right.GOVERN),
    "tenant-of-chosen-edit": (Effect.SENDER, Right.GOVERN),
    "channel-of-installation": (Effect.SENDER, Right.GOVERN),
    "policies": (Effect.TOLD, Right.GOVERN),
    "watching": (Effect.TOLD, Right.GOVERN),
    "sign-in-demand": (Effect.SIGN_IN, Right.GOVERN),
    "person-role": (Effect.ROLES, Right.PEOPLE),
    "invite": (Effect.ROLES, Right.PEOPLE),
    "person-reset": (Effect.ACCOUNTS, Right.PEOPLE),
}
"""By act: its effect, and the right it takes in the whole installation. Some are part of a page that does more; which
page lets whom do which is observed (tests/attacks/test_03_power.py), not believed."""


def reached(start: Holding, causes: Iterable[tuple[Effect, Right]]) -> Holding:
    """All that somebody with these rights can come to by any chain of acts."""
    held = start
    while True:
        gained = held
        for effect, right in causes:
            if right in held and effect in OWNERS:
                gained |= RIGHTS[Role.OWNER]
            if right in held and effect == Effect.ROLES:
                # To an account of one's own: of roles that are within one's rights.
                gained |= frozenset().union(*(rights for rights in RIGHTS.values() if rights <= held))
        if gained == held:
            return held
        held = gained
