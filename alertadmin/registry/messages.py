"""What the registry says of a secret that cannot be used: stored with what failed by it, told by `stored_messages`."""

from __future__ import annotations

from django.utils.translation import gettext_noop

NO_SECRET = gettext_noop('"%(app)s" has no secret in use. Add one on its page.')
NO_VALUE = gettext_noop('Only the end of "%(secret)s" is stored, not its value. Enter the value to use it.')
NO_PASSWORD = gettext_noop("No password is stored for %(address)s. Enter it on the mailbox's page.")
NOT_SIGNED_IN = gettext_noop("%(address)s has not signed in. Sign it in on its page.")
TAMPERED = gettext_noop("A stored secret was altered or moved outside alertadmin. Enter the secret again.")
WRONG_DESTINATION = gettext_noop(
    "A stored secret was entered for another place than its row leads to now (cloud, directory, client ID, server, "
    "login or address), or it was altered or moved. It was not opened, and not sent. Enter it again, or put back what "
    "was changed."
)
OTHER_CLOUD = gettext_noop(
    '"%(app)s" is registered in the cloud "%(home)s", and %(tenant)s is in the cloud "%(place)s". '
    "An app's secret is sent to its own cloud alone. Register an app there for it."
)

KEY_MISSING = gettext_noop(
    'The encryption key "%(key)s" is not in %(file)s. Put it back from your backup; until then secrets '
    "sealed with it cannot be used. Reminders go on."
)
KEYS_MISSING = gettext_noop(
    "Stored secrets are sealed with keys that are not in %(file)s: %(keys)s. Put it back from your backup; until then "
    "those secrets cannot be used. Reminders go on."
)
FILE_MISSING = gettext_noop(
    "The key file %(file)s is missing. Put it back from your backup; without it no stored secret can be used. "
    "Reminders go on."
)
FILE_UNREADABLE = gettext_noop("The key file %(file)s cannot be read: %(error)s. Reminders go on.")
FILE_OPEN = gettext_noop("Others can read the key file %(file)s. Do: chmod 600 %(file)s")
FILE_HARD_LINKED = gettext_noop(
    "The key file %(file)s has a second name (a hard link), which would keep the old keys. Nothing was changed. "
    "Make it a file of its own (copy it, and move the copy over it), or a symbolic link."
)
FILE_FIXED = gettext_noop(
    "The key file %(file)s cannot be replaced where it lies (%(error)s). Nothing was changed. Add the key where the "
    "file is kept (the store of secrets that it comes from, or its owner's account)."
)
FILE_DAMAGED = gettext_noop("The key file %(file)s is damaged (%(error)s). Put it back from your backup.")
FILE_INCOMPLETE = gettext_noop(
    "The key file %(file)s is damaged: it lacks its primary key, or a key is not 32 bytes long."
)

FILE_NAMES = gettext_noop(
    "The key file %(file)s is damaged: a key is named by at most 32 letters, digits, - and _, and no two names differ "
    "in case alone."
)

FILE_WRAPPED = gettext_noop(
    "The key file %(file)s is wrapped by %(vault)s. Name that key in ALERTADMIN_KEYS. Reminders go on."
)
FILE_NOT_WRAPPED = gettext_noop(
    "The key file %(file)s is not wrapped by %(vault)s, which ALERTADMIN_KEYS names. Do: manage.py keys wrap"
)
FILE_WRAPPED_ELSEWHERE = gettext_noop(
    "The key file %(file)s is wrapped by %(vault)s, but ALERTADMIN_KEYS names %(named)s. Name the first there, do "
    "manage.py keys unwrap, name the other, and do manage.py keys wrap."
)
VAULT_SILENT = gettext_noop(
    "The keys (%(keys)s) are out of reach: %(vault)s does not answer (%(why)s). Until it does, no stored secret can be "
    "used. Reminders go on."
)
VAULT_REFUSES = gettext_noop(
    "The keys (%(keys)s) are out of reach: %(vault)s refuses (%(why)s). Until it gives them, no stored secret can be "
    "used. Reminders go on."
)
NOTHING_WRAPS = gettext_noop("ALERTADMIN_KEYS names no key elsewhere that could wrap the key file.")
KEYS_GIVEN = gettext_noop(
    "The keys are given by ALERTADMIN_KEYS. Change them there (the primary key first), and start again."
)
KEY_UNKNOWN = gettext_noop('There is no key "%(key)s" in %(file)s.')
KEY_PRIMARY = gettext_noop(
    'The key "%(key)s" is the primary one: new secrets are sealed with it. First do: manage.py rotate_keys --new-key'
)
KEY_IN_USE = gettext_noop(
    'The key "%(key)s" is in use: %(count)s stored secrets are sealed with it. First do: manage.py rotate_keys'
)

UNKNOWN_CLOUD = gettext_noop('The cloud "%(cloud)s" is unknown here. Does ALERTADMIN_CLOUDS_FILE still name it?')
NOT_ASKED = gettext_noop("Not asked: %(count)s checks in a row before it had no answer from this cloud.")
SUPERSEDED = gettext_noop("Another secret was entered meanwhile, or this one was deleted: it was not put in use.")
