"""The English sentences that versions before coded texts stored, by the code that replaced each."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

SENTENCES = {
    'outbox.relay': 'SMTP relay',
    'outbox.no_route': 'There is no way to send: no healthy mailbox and no SMTP relay.',
    'outbox.no_installation_route': 'No route may carry this mail: it leaves only by the mailbox that an owner chose for this installation, or by the SMTP relay. Choose a mailbox.',
    'outbox.no_tenant_route': 'No route may carry this mail: it leaves only by the mailbox that an owner chose for this installation, by a mailbox of the tenant that it is for, or by the SMTP relay.',
    'outbox.route_keeps_copy': 'No route may carry this mail: its link grants access, and the mailbox of this installation sends by SMTP, which keeps a copy in Sent Items. Choose a mailbox that sends by Microsoft Graph, or set up an SMTP relay.',
    'outbox.worker_lost': 'The worker was lost after the message may have been accepted.',
    'outbox.not_prepared': 'It could not be prepared: %(error)s. It is tried again.',
    'outbox.interrupted': 'Sending broke off after the message may have been accepted: %(error)s.',
    'outbox.mailbox_busy': 'It waits its turn: a mailbox sends 30 messages a minute.',
    'outbox.send_now': 'Somebody asked for it to leave at once.',
    'outbox.marked_as_arrived': 'A person said that it arrived.',
    'outbox.given_up': 'A person gave it up: it is not sent any more.',
    'outbox.in_review': 'It waits for a day: the database was put back from a copy, and this may have been told already. Then it leaves by itself.',
    'outbox.sent_before_restore': '%(by)s said that it was told before the database was put back from a copy.',
    'outbox.lease_lost': 'The process stood still too long: nothing was sent.',
    'outbox.channel_busy': 'It waits its turn: a channel is told 30 times a minute.',
    'outbox.channel_deleted': 'The channel was deleted.',
    'outbox.channel_paused': 'The channel is paused.',
    'outbox.proof_obsolete': 'The role was given, withdrawn or given anew, or the address changed, before it left.',
    'outbox.invitation_obsolete': 'The invitation was accepted, renewed or taken back before it left.',
    'outbox.no_recipient': 'Whom it was to tell, or what of, is no longer known here.',
    'outbox.consent_granted': 'What it asks for was granted before it left.',
    'outbox.mailbox_deleted': 'The mailbox under test was removed.',
    'outbox.no_drafts': 'This way keeps no drafts.',
    'outbox.found_sent': 'Looked up in the mailbox: it had been sent.',
    'outbox.unexpected': 'Unexpected %(error)s',
    'outbox.internal_address': 'The address lies inside the network, where channels lead to nobody. Whoever runs this installation can allow it: ALERTADMIN_INSIDE_TARGETS.',
    'outbox.no_address': 'Its address leads nowhere: it must be entered anew.',
    'outbox.cancelled_unsent': 'It was given up before anybody was called.',
    'outbox.sender_not_started': 'The process that sends to services did not get going.',
    'outbox.no_answer': 'The service did not answer in time.',
    'outbox.redirected': 'The server sends elsewhere (HTTP %(status)s), and that is not followed. Enter the address that it leads to.',
    'outbox.clock_is_wrong': 'The clock says %(time)s UTC, which is before this program was made: nothing is looked for or sent until it is set.',
    'outbox.no_password_account': 'Nobody signs in here by a password with this address.',
    'outbox.outdated': 'It could not leave within a week; it stands on the record.',
    'outbox.link_expired': 'It could not leave within the hour for which its link would have been good.',
    'mailer.token_valid': 'valid until %(time)s UTC',
    'mailer.token_cached': 'kept, valid until %(time)s UTC',
    'mailer.not_in_token': '%(permission)s is not in the token',
    'registry.no_secret': '"%(app)s" has no secret in use. Add one on its page.',
    'registry.no_value': 'Only the end of "%(secret)s" is stored, not its value. Enter the value to use it.',
    'registry.no_password': "No password is stored for %(address)s. Enter it on the mailbox's page.",
    'registry.not_signed_in': '%(address)s has not signed in. Sign it in on its page.',
    'crypto.tampered': 'A stored secret was altered or moved outside alertadmin. Enter the secret again.',
    'crypto.wrong_destination': 'A stored secret was entered for another place than its row leads to now (cloud, directory, client ID, server, login or address), or it was altered or moved. It was not opened, and not sent. Enter it again, or put back what was changed.',
    'registry.other_cloud': '"%(app)s" is registered in the cloud "%(home)s", and %(tenant)s is in the cloud "%(place)s". An app\'s secret is sent to its own cloud alone. Register an app there for it.',
    'registry.unknown_cloud': 'The cloud "%(cloud)s" is unknown here. Does ALERTADMIN_CLOUDS_FILE still name it?',
    'registry.not_checked': 'Not asked: %(count)s checks in a row before it had no answer from this cloud.',
    'registry.superseded': 'Another secret was entered meanwhile, or this one was deleted: it was not put in use.',
    'crypto.key_missing': 'The encryption key "%(key)s" is not in %(file)s. Put it back from your backup; until then secrets sealed with it cannot be used. Reminders go on.',
    'crypto.keys_missing': 'Stored secrets are sealed with keys that are not in %(file)s: %(keys)s. Put it back from your backup; until then those secrets cannot be used. Reminders go on.',
    'crypto.file_missing': 'The key file %(file)s is missing. Put it back from your backup; without it no stored secret can be used. Reminders go on.',
    'crypto.file_unreadable': 'The key file %(file)s cannot be read: %(error)s. Reminders go on.',
    'crypto.file_open': 'Others can read the key file %(file)s. Do: chmod 600 %(file)s',
    'crypto.file_hard_linked': 'The key file %(file)s has a second name (a hard link), which would keep the old keys. Nothing was changed. Make it a file of its own (copy it, and move the copy over it), or a symbolic link.',
    'crypto.file_fixed': "The key file %(file)s cannot be replaced where it lies (%(error)s). Nothing was changed. Add the key where the file is kept (the store of secrets that it comes from, or its owner's account).",
    'crypto.file_damaged': 'The key file %(file)s is damaged (%(error)s). Put it back from your backup.',
    'crypto.file_incomplete': 'The key file %(file)s is damaged: it lacks its primary key, or a key is not 32 bytes long.',
    'crypto.file_names': 'The key file %(file)s is damaged: a key is named by at most 32 letters, digits, - and _, and no two names differ in case alone.',
    'crypto.file_wrapped': 'The key file %(file)s is wrapped by %(vault)s. Name that key in ALERTADMIN_KEYS. Reminders go on.',
    'crypto.file_not_wrapped': 'The key file %(file)s is not wrapped by %(vault)s, which ALERTADMIN_KEYS names. Do: manage.py keys wrap',
    'crypto.file_wrapped_elsewhere': 'The key file %(file)s is wrapped by %(vault)s, but ALERTADMIN_KEYS names %(named)s. Name the first there, do manage.py keys unwrap, name the other, and do manage.py keys wrap.',
    'crypto.kms_unavailable': 'The keys (%(keys)s) are out of reach: %(vault)s does not answer (%(why)s). Until it does, no stored secret can be used. Reminders go on.',
    'crypto.kms_refused': 'The keys (%(keys)s) are out of reach: %(vault)s refuses (%(why)s). Until it gives them, no stored secret can be used. Reminders go on.',
    'crypto.no_kms': 'ALERTADMIN_KEYS names no key elsewhere that could wrap the key file.',
    'crypto.keys_fixed': 'The keys are given by ALERTADMIN_KEYS. Change them there (the primary key first), and start again.',
    'crypto.key_unknown': 'There is no key "%(key)s" in %(file)s.',
    'crypto.key_primary': 'The key "%(key)s" is the primary one: new secrets are sealed with it. First do: manage.py rotate_keys --new-key',
    'crypto.key_in_use': 'The key "%(key)s" is in use: %(count)s stored secrets are sealed with it. First do: manage.py rotate_keys',
    'reminders.quiet_hours': 'It came into quiet hours or a day off, and waits until they are over.',
    'reminders.nothing_left': 'Everything in it was renewed, superseded or deleted before it was sent.',
    'reminders.nothing_to_correct': "The calendar entries that it was to take back are right again, or not this recipient's.",
    'monitoring.answered': 'It answered with status %(status)s.',
    'monitoring.too_slow': 'It did not answer in time.',
    'monitoring.untrusted': 'Its certificate is not to be trusted.',
    'monitoring.unknown_name': 'Its name is not known.',
    'monitoring.unreachable': 'It could not be reached.',
    'monitoring.nothing_to_say': 'There is nothing to say any more.',
    'monitoring.in_clear': 'Other machines reach alertadmin without TLS: passwords and secrets cross the network in clear. Set ALERTADMIN_TLS_CERTIFICATE and ALERTADMIN_TLS_KEY, or put a TLS proxy before it and set ALERTADMIN_PUBLIC_URL to its https:// address.',
}


def encoded(text: str) -> str:
    """The coded text of a sentence that was stored before; other words as they are."""
    for code, pattern in _patterns().items():
        if match := pattern.fullmatch(text):
            params = dict(sorted(match.groupdict().items()))
            return json.dumps({"code": code, "params": params} if params else {"code": code}, ensure_ascii=False)
    return text


def encode_columns(model: Any, *columns: str) -> None:
    """Encodes columns of a historical model, a statement for each different text."""
    for column in columns:
        texts = model.objects.exclude(**{column: ""}).order_by().values_list(column, flat=True).distinct()
        for text in list(texts):
            if (code := encoded(text)) != text:
                model.objects.filter(**{column: text}).update(**{column: code})


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {code: _pattern(sentence) for code, sentence in SENTENCES.items()}


def _pattern(sentence: str) -> re.Pattern[str]:
    text, *rest = re.split(r"%\((\w+)\)s", sentence)
    pattern = re.escape(text)
    for name, following in zip(rest[::2], rest[1::2], strict=True):
        # A name that stands twice is the same text both times.
        pattern += (f"(?P={name})" if f"(?P<{name}>" in pattern else f"(?P<{name}>.*?)") + re.escape(following)
    return re.compile(pattern, re.DOTALL)
