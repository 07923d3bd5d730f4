"""Django settings, all derived from the environment (alertadmin/environment.py); do not edit per installation."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF

from alertadmin import __version__, environment
from alertadmin.operator_log.configuration import default_level, logging_settings
from alertadmin.paths import ASSETS
from mailer.http import outbound_proxy
from mailer.server_url import host_and_port

ENVIRONMENT = environment.read()
ENVIRONMENT.check()
outbound_proxy.use(ENVIRONMENT.outbound_proxy)
DATA_DIR = ENVIRONMENT.data_dir


def _secret_key() -> str:
    """From the environment, else from the data folder; it signs sessions and links, and encrypts nothing.

    Before the data folder is prepared there are no sessions: a random key lets commands start.
    """
    if value := ENVIRONMENT.secret_key:
        return value
    path = DATA_DIR / "secret_key"
    try:
        return path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return secrets.token_urlsafe(50)
    except OSError as error:
        raise environment.BadEnvironment(f"{path} cannot be read: {error.strerror}.") from error


SECRET_KEY = _secret_key()
DEBUG = ENVIRONMENT.debug

PUBLIC_URL = ENVIRONMENT.public_url
BIND_HOST, BIND_PORT = ENVIRONMENT.bind
_public = urlsplit(PUBLIC_URL)
_https = _public.scheme == "https"
ALLOWED_HOSTS = sorted(
    {
        host_and_port(name, None)
        for name in {_public.hostname or "localhost", BIND_HOST, *environment.LOCAL_HOSTS} - environment.ANY_ADDRESS
    }
    | set(ENVIRONMENT.allowed_hosts)
)
PROXIES = ENVIRONMENT.proxies
"""Number of trusted entries in X-Forwarded-For; entries further left are forgeable."""
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]

INSTALLED_APPS = [
    "alertadmin.dashboard",
    "alertadmin.bulk",
    "alertadmin.monitoring",
    "alertadmin.reminders",
    "alertadmin.outbox",
    "alertadmin.registry",
    # Before our own accounts, whose admin unregisters theirs.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "alertadmin.accounts",
    "alertadmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "django_include_bootstrap",
    "lucide",
]

MIDDLEWARE = [
    "alertadmin.operator_log.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "alertadmin.middleware.EdgesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "alertadmin.accounts.middleware.ActorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "alertadmin.accounts.middleware.SessionMiddleware",
    "alertadmin.accounts.middleware.SignInMiddleware",
    "alertadmin.accounts.middleware.SecondFactorMiddleware",
    "alertadmin.accounts.middleware.AccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "alertadmin.accounts.middleware.ViewerMiddleware",
    "alertadmin.dashboard.ui.sender_guard.SenderGuardMiddleware",
]

ROOT_URLCONF = "alertadmin.urls"
WSGI_APPLICATION = "alertadmin.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ASSETS / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "alertadmin.dashboard.context_processors.installation",
            ],
        },
    },
]


def _database() -> dict[str, Any]:
    """SQLite or PostgreSQL; constraints and locks are tested on these two only."""
    file: object = DATA_DIR / "alertadmin.sqlite3"
    if url := ENVIRONMENT.database_url:
        try:
            database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
        except ValueError:
            database = {}
        if database.get("ENGINE") == "django.db.backends.postgresql":
            # By this name a newer version detects an older one that still runs (supervisor/migrations.py).
            options = {"application_name": f"alertadmin {__version__}", **database.get("OPTIONS", {})}
            return {**database, "OPTIONS": options}
        file = database.get("NAME")
        if database.get("ENGINE") != "django.db.backends.sqlite3" or file in ("", ":memory:"):
            # The URL contains a password: do not repeat it.
            raise environment.BadEnvironment(
                "ALERTADMIN_DATABASE_URL must be like postgres://user:password@host:5432/name or sqlite:////a/file."
            )
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        # Write transactions begin IMMEDIATE (no "database is locked" when a reader starts to write), and a commit is on
        # the disk before the next byte is sent (synchronous=FULL): the outbox relies on both.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
            # Truncate the journal after a long reader.
            "PRAGMA journal_size_limit=67108864;"
            # Overwrite deleted content, such as encrypted secrets, in the file.
            "PRAGMA secure_delete=ON;",
        },
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "alertadmin.accounts.password_validation.CommonPasswordCombinationValidator"},
]
# django-allauth runs the steps of a sign-in. URLs and pages are our own (dashboard/auth), and so is throttling, since
# allauth counts in a cache that the processes do not share.
ACCOUNT_ADAPTER = "alertadmin.accounts.allauth_adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
SOCIALACCOUNT_ADAPTER = "alertadmin.accounts.oidc.adapter.SocialAccountAdapter"
# A provider's tokens are used once, to identify the user, and not stored.
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
MFA_ADAPTER = "alertadmin.registry.mfa_adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "alertadmin.accounts.mfa.forms.SecondStepForm",
    "authenticate_webauthn": "alertadmin.accounts.mfa.passkeys.SecondStepPasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RATE_LIMITS = False
MFA_TOTP_ISSUER = "alertadmin"
MFA_TOTP_TOLERANCE = 1
"""Tolerated steps of 30 seconds between the clocks; a code is accepted once regardless."""
# An administrator entered the address; it is not a claim of the user that needs verification.
MFA_ALLOW_UNVERIFIED_EMAIL = True
PASSWORD_RESET_TIMEOUT = 3600
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if _https else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "csrf"
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# check --deploy: subdomains and preloading are the domain owner's decision, and the proxy redirects plain http.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
if _https and not ENVIRONMENT.tls:
    # Only behind TLS, where the proxy that ALERTADMIN_PUBLIC_URL implies sends this header.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # Bootstrap's check boxes and selects use data: images.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["alertadmin.dashboard.ui.upload_handlers.InMemory"]

OUTBOX_LEASE = ENVIRONMENT.lease
"""How long a dead worker's deliveries wait. A living worker renews its leases."""
INSIDE_TARGETS = ENVIRONMENT.inside_targets
"""Internal addresses that channels may use (mailer/http/ssrf_guard.py)."""
PINGS = bool(ENVIRONMENT.ping_url)
"""Whether an outside monitor is called while all is well. The URL is a secret and stays in the environment."""
TESTS_PER_HOUR = ENVIRONMENT.tests_per_hour
"""Max test sends of one user from pages (outbox/send_test/test_limits.py)."""
KEEP_WORDS = ENVIRONMENT.keep_words
KEEP_DELIVERIES = ENVIRONMENT.keep_deliveries
KEEP_AUDIT = ENVIRONMENT.keep_audit
_host = _public.hostname or ""
MESSAGE_ID_DOMAIN = _host if "." in _host else "alertadmin.invalid"

LANGUAGE_CODE = ENVIRONMENT.language
LANGUAGES = list(environment.LANGUAGES.items())
LOCALE_PATHS = [ASSETS / "locale"]
LANGUAGE_COOKIE_NAME = "__Host-language" if _https else "language"
LANGUAGE_COOKIE_SECURE = _https
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "UTC"

# The version in the path makes files cacheable: a new release has new URLs.
STATIC_URL = f"/static/{__version__}/"
STATICFILES_DIRS = [ASSETS / "static"]
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0 if DEBUG else 86_400

CELERY_BROKER_URL = ENVIRONMENT.redis_url
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Give up a broker that accepts the connection and never answers.
    "socket_timeout": 5,
    "socket_connect_timeout": 0.5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CONSUMER = "alertadmin.supervisor.broker_connection:PersistentConsumer"
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TIMEZONE = "UTC"

LOGGING = logging_settings(ENVIRONMENT.log_level or default_level(), ENVIRONMENT.log_format)
