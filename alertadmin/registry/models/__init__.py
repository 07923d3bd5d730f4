from alertadmin.registry.models.app_registration import AppRegistration, SignInAudience
from alertadmin.registry.models.consent import Consent, ConsentStatus
from alertadmin.registry.models.consent_callback import CallbackOutcome, ConsentCallback
from alertadmin.registry.models.consent_change import ConsentChange
from alertadmin.registry.models.consent_check_batch import ConsentCheckBatch
from alertadmin.registry.models.credential import Credential, CredentialKind, CredentialState
from alertadmin.registry.models.device_code_flow import DeviceCodeFlow, DeviceCodeState
from alertadmin.registry.models.kept_secret import KeptSecret
from alertadmin.registry.models.mailbox import LoginKind, Mailbox
from alertadmin.registry.models.mfa_secret import MfaSecret
from alertadmin.registry.models.one_time_link import LinkState, OneTimeLink
from alertadmin.registry.models.pending_import import ImportStatus, PendingImport
from alertadmin.registry.models.secret_disclosure import SecretDisclosure
from alertadmin.registry.models.setup_progress import SetupProgress
from alertadmin.registry.models.tenant import Contact, Tenant

__all__ = [
    "AppRegistration",
    "CallbackOutcome",
    "Consent",
    "ConsentCallback",
    "ConsentChange",
    "ConsentCheckBatch",
    "ConsentStatus",
    "Contact",
    "Credential",
    "CredentialKind",
    "CredentialState",
    "DeviceCodeFlow",
    "DeviceCodeState",
    "ImportStatus",
    "KeptSecret",
    "LinkState",
    "LoginKind",
    "Mailbox",
    "MfaSecret",
    "OneTimeLink",
    "PendingImport",
    "SecretDisclosure",
    "SetupProgress",
    "SignInAudience",
    "Tenant",
]
