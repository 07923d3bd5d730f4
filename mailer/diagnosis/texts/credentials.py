"""Texts for causes that Entra checks before it issues a token: secrets, certificates, the application, its tenant."""

from __future__ import annotations

from mailer.diagnosis.causes import Owner
from mailer.diagnosis.texts.entry import Entry, gettext_noop

CREDENTIALS = {
    "secret_wrong": Entry(
        gettext_noop("The client secret is wrong"),
        gettext_noop(
            "Entra knows the application but not the client secret that was sent. Most often the secret's ID was "
            "copied instead of its value, the value was cut, or it belongs to another application. The value is "
            "shown only once, when the secret is made."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("Open the application's page Certificates & secrets (link below)."),
            gettext_noop(
                "Compare the first three characters of the column Value with the secret in use. If they differ, or "
                "if what is in use looks like 00000000-0000-0000-0000-000000000000, it is not the value."
            ),
            gettext_noop("Choose New client secret, and copy the column Value (not Secret ID) at once."),
            gettext_noop("Enter the new value in every place where this secret is used, then send a test."),
        ),
        ("credentials", "overview", "error"),
    ),
    "secret_expired": Entry(
        gettext_noop("The client secret has expired"),
        gettext_noop(
            "Every client secret expires, at most two years after it was created in the portal. This one has "
            "expired: Entra gives no token any more, so no mail is sent. Nothing else is broken."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("Open the application's page Certificates & secrets (link below)."),
            gettext_noop(
                "Choose New client secret, enter a description and an expiry date, and copy the column Value at once."
            ),
            gettext_noop(
                "Enter the new value and its expiry date in every place where the old one was used, then send a test."
            ),
            gettext_noop("When the test has been delivered, delete the expired secret."),
        ),
        ("credentials", "overview", "error"),
    ),
    "certificate_wrong": Entry(
        gettext_noop("The certificate does not match the application"),
        gettext_noop(
            "The application identified itself with a certificate or assertion that Entra does not accept: its "
            "public part is not uploaded at this application, it belongs to another key, or the clock of the "
            "sending machine is wrong."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("Open the application's page Certificates & secrets, tab Certificates (link below)."),
            gettext_noop("Compare the thumbprint there with that of the certificate in use."),
            gettext_noop(
                "If it is missing, choose Upload certificate and upload the public part (.cer or .pem, no private key)."
            ),
            gettext_noop("Check that the clock of the sending machine is right to the minute, then send a test."),
        ),
        ("credentials", "overview", "error"),
    ),
    "certificate_expired": Entry(
        gettext_noop("The certificate has expired"),
        gettext_noop("The application's certificate has expired, so Entra gives no token and no mail is sent."),
        Owner.APP_OWNER,
        (
            gettext_noop("Make a new key pair and certificate, and keep the private key on the sending side only."),
            gettext_noop(
                "Open the application's page Certificates & secrets, tab Certificates (link below), and upload it."
            ),
            gettext_noop("Use the new certificate for sending, then send a test."),
            gettext_noop("When the test has been delivered, delete the expired certificate."),
        ),
        ("credentials", "overview", "error"),
    ),
    "app_not_found": Entry(
        gettext_noop("The application is not in this tenant"),
        gettext_noop(
            "Entra found the tenant, but no application with the ID %(client_id)s in it. Either the ID is wrong or "
            "belongs to another tenant, or the application is multitenant and no administrator has consented to it in "
            "this one."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop(
                "Open App registrations (link below) and compare the Application (client) ID, not the Object ID."
            ),
            gettext_noop("Compare the Directory (tenant) ID with the one in use: %(directory_id)s."),
            gettext_noop(
                "If the application is registered in another tenant, set its account type to multitenant, and ask an "
                "administrator of this tenant to consent by the consent link."
            ),
            gettext_noop("If it was deleted, restore it under Deleted applications within 30 days."),
        ),
        ("registrations", "consent_link", "enterprise", "error"),
    ),
    "app_disabled": Entry(
        gettext_noop("The application is disabled"),
        gettext_noop("The application exists, but an administrator or Microsoft has disabled it in this tenant."),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop("Open Enterprise applications (link below) and find the application %(client_id)s."),
            gettext_noop("Under Properties, set Enabled for users to sign in to Yes."),
            gettext_noop("If Microsoft has disabled it, the page says so: follow the instructions there."),
            gettext_noop("Send a test."),
        ),
        ("enterprise", "overview", "error"),
    ),
    "tenant_not_found": Entry(
        gettext_noop("The tenant does not exist"),
        gettext_noop(
            "There is no tenant %(directory_id)s in this cloud: the ID or domain is mistyped, the tenant was "
            "deleted, or it is in another cloud (US Government, China)."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("Open the tenant's overview (link below) and copy the Tenant ID."),
            gettext_noop("Compare it with the Directory (tenant) ID in use."),
            gettext_noop("Check that the right cloud is chosen for this tenant."),
        ),
        ("tenant", "error"),
    ),
    "wrong_cloud": Entry(
        gettext_noop("The tenant is in another cloud"),
        gettext_noop(
            "Microsoft runs separate clouds: worldwide, US Government (GCC High, DoD) and China. The request "
            "went to a cloud where the tenant or application does not exist. Tokens of one cloud are not valid "
            "in another."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("Find out in which cloud the tenant lives: its administrators know their portal's address."),
            gettext_noop("Choose that cloud for the tenant here, so that all addresses change together."),
            gettext_noop("If the application is registered in another cloud, register it again in the tenant's own."),
        ),
        ("tenant", "clouds_doc", "error"),
    ),
    "tenant_ambiguous": Entry(
        gettext_noop("The token request names no tenant"),
        gettext_noop(
            "The request went to common, organizations or consumers. An application that signs in without a "
            "user must name the tenant, otherwise Entra cannot know whose mailboxes are meant."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("Open the application's overview (link below) and copy the Directory (tenant) ID."),
            gettext_noop(
                "Replace common by it, in the directory ID or in the authority and token addresses: "
                "%(authority)s/%(directory_id)s/oauth2/v2.0/token"
            ),
            gettext_noop(
                "If one application serves several tenants, set its account type to multitenant, and use each "
                "tenant's own ID."
            ),
        ),
        ("overview", "tenant", "error"),
    ),
}
