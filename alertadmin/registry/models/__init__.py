from alertadmin.registry.models.app_registration import AppRegistration, Audience
from alertadmin.registry.models.consent import Consent, ConsentStatus
from alertadmin.registry.models.consent_change import ConsentChange
from alertadmin.registry.models.consent_return import ConsentReturn, ReturnOutcome
from alertadmin.registry.models.consent_run import ConsentRun
from alertadmin.registry.models.credential import Credential, CredentialKind, CredentialState
from alertadmin.registry.models.factor_secret import FactorSecret
from alertadmin.registry.models.guide import Guide
from alertadmin.registry.models.handover import Handover
from alertadmin.registry.models.handover_link import HandoverLink, LinkState
from alertadmin.registry.models.mailbox import LoginKind, Mailbox
from alertadmin.registry.models.sign_in import SignIn, SignInState
from alertadmin.registry.models.tenant import Contact, Tenant

__all__ = [
    "AppRegistration",
    "Audience",
    "Consent",
    "ConsentChange",
    "ConsentReturn",
    "ConsentRun",
    "ConsentStatus",
    "Contact",
    "Credential",
    "CredentialKind",
    "CredentialState",
    "FactorSecret",
    "Guide",
    "Handover",
    "HandoverLink",
    "LinkState",
    "LoginKind",
    "Mailbox",
    "ReturnOutcome",
    "SignIn",
    "SignInState",
    "Tenant",
]
