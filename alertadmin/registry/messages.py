"""Why a secret, a cloud or a consent check cannot be used: stored with what failed because of it."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from mailer.coded_text import define

NO_SECRET = define("registry.no_secret", gettext_noop('"%(app)s" has no secret in use. Add one on its page.'))
NO_VALUE = define(
    "registry.no_value",
    gettext_noop('Only the end of "%(secret)s" is stored, not its value. Enter the value to use it.'),
)
NO_PASSWORD = define(
    "registry.no_password", gettext_noop("No password is stored for %(address)s. Enter it on the mailbox's page.")
)
NOT_STARTED = define(
    "registry.not_started", gettext_noop('"%(secret)s" starts on %(date)s (UTC). It is not used before.')
)
NOT_SIGNED_IN = define("registry.not_signed_in", gettext_noop("%(address)s has not signed in. Sign it in on its page."))
OTHER_CLOUD = define(
    "registry.other_cloud",
    gettext_noop(
        '"%(app)s" is registered in the cloud "%(home)s", and %(tenant)s is in the cloud "%(place)s". An app\'s '
        "secret is sent to its own cloud only. Register an app there for it."
    ),
)
UNKNOWN_CLOUD = define(
    "registry.unknown_cloud",
    gettext_noop('The cloud "%(cloud)s" is unknown here. Does ALERTADMIN_CLOUDS_FILE still name it?'),
)
UNKNOWN_PERMISSION = define(
    "registry.unknown_permission",
    gettext_noop(
        'This version does not know the permission "%(permission)s": grant it in the portal, or remove it from the app.'
    ),
)
NOT_CHECKED = define(
    "registry.not_checked",
    gettext_noop("Not checked: %(count)s checks in a row before it had no answer from this cloud."),
)
IMPORT_FAILED = define(
    "registry.import_failed",
    gettext_noop(
        "The worker could not finish this step after several attempts. Rows that were imported stay; try again, and "
        "look at the log if it fails again."
    ),
)
SUPERSEDED = define(
    "registry.superseded",
    gettext_noop("Another secret was entered meanwhile, or this one was deleted: it was not activated."),
)
