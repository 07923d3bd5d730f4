"""What is wrong with a key, the key file or an encrypted value, and what to do."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from mailer.coded_text import define

TAMPERED = define(
    "crypto.tampered", gettext_noop("A stored secret was altered or moved outside alertadmin. Enter the secret again.")
)
WRONG_DESTINATION = define(
    "crypto.wrong_destination",
    gettext_noop(
        "A stored secret was entered for another destination than its row has now (cloud, directory, client ID, "
        "server, login or address), or it was altered or moved. It was not decrypted, and not sent. Enter it "
        "again, or undo the change."
    ),
)
KEY_MISSING = define(
    "crypto.key_missing",
    gettext_noop(
        'The encryption key "%(key)s" is not in %(file)s. Restore the file from your backup; until then secrets '
        "encrypted with this key cannot be used. Reminders continue."
    ),
)
KEYS_MISSING = define(
    "crypto.keys_missing",
    gettext_noop(
        "Stored secrets are encrypted with keys that are not in %(file)s: %(keys)s. Restore the file from your "
        "backup; until then those secrets cannot be used. Reminders continue."
    ),
)
FILE_MISSING = define(
    "crypto.file_missing",
    gettext_noop(
        "The key file %(file)s is missing. Restore it from your backup; without it no stored secret can be used. "
        "Reminders continue."
    ),
)
FILE_UNREADABLE = define(
    "crypto.file_unreadable", gettext_noop("The key file %(file)s cannot be read: %(error)s. Reminders continue.")
)
FILE_OPEN = define(
    "crypto.file_open", gettext_noop("Other users can read the key file %(file)s. Run: chmod 600 %(file)s")
)
FILE_HARD_LINKED = define(
    "crypto.file_hard_linked",
    gettext_noop(
        "The key file %(file)s has a second name (a hard link), which would keep the old keys. Nothing was "
        "changed. Make it a file of its own (copy it, and move the copy over it), or a symbolic link."
    ),
)
FILE_FIXED = define(
    "crypto.file_fixed",
    gettext_noop(
        "The key file %(file)s cannot be replaced where it is (%(error)s). Nothing was changed. Add the key "
        "where the file comes from (the secret store that provides it, or its owner's account)."
    ),
)
FILE_DAMAGED = define(
    "crypto.file_damaged", gettext_noop("The key file %(file)s is damaged (%(error)s). Restore it from your backup.")
)
FILE_INCOMPLETE = define(
    "crypto.file_incomplete",
    gettext_noop("The key file %(file)s is damaged: its primary key is missing, or a key is not 32 bytes long."),
)
FILE_NAMES = define(
    "crypto.file_names",
    gettext_noop(
        "The key file %(file)s is damaged: a key name has at most 32 letters, digits, - and _, and no two names "
        "differ only in case."
    ),
)
FILE_WRAPPED = define(
    "crypto.file_wrapped",
    gettext_noop(
        "The key file %(file)s is wrapped by %(vault)s. Name that key in ALERTADMIN_KEYS. Reminders continue."
    ),
)
FILE_NOT_WRAPPED = define(
    "crypto.file_not_wrapped",
    gettext_noop(
        "The key file %(file)s is not wrapped by %(vault)s, which ALERTADMIN_KEYS names. Run: manage.py keys wrap"
    ),
)
FILE_WRAPPED_ELSEWHERE = define(
    "crypto.file_wrapped_elsewhere",
    gettext_noop(
        "The key file %(file)s is wrapped by %(vault)s, but ALERTADMIN_KEYS names %(named)s. Name the first "
        "there, run manage.py keys unwrap, name the other, and run manage.py keys wrap."
    ),
)
KMS_UNAVAILABLE = define(
    "crypto.kms_unavailable",
    gettext_noop(
        "The keys (%(keys)s) are not available: %(vault)s does not answer (%(why)s). Until it does, no stored "
        "secret can be used. Reminders continue."
    ),
)
KMS_REFUSED = define(
    "crypto.kms_refused",
    gettext_noop(
        "The keys (%(keys)s) are not available: %(vault)s refuses (%(why)s). Until it allows them, no stored "
        "secret can be used. Reminders continue."
    ),
)
NO_KMS = define("crypto.no_kms", gettext_noop("ALERTADMIN_KEYS names no external key that could wrap the key file."))
KEYS_FIXED = define(
    "crypto.keys_fixed",
    gettext_noop("ALERTADMIN_KEYS holds the keys. Change them there (the primary key first), and start again."),
)
KEY_UNKNOWN = define("crypto.key_unknown", gettext_noop('There is no key "%(key)s" in %(file)s.'))
KEY_PRIMARY = define(
    "crypto.key_primary",
    gettext_noop(
        'The key "%(key)s" is the primary key: new secrets are encrypted with it. First run: manage.py '
        "rotate_keys --new-key"
    ),
)
KEY_IN_USE = define(
    "crypto.key_in_use",
    gettext_noop(
        'The key "%(key)s" is in use: %(count)s stored secrets are encrypted with it. First run: manage.py rotate_keys'
    ),
)
