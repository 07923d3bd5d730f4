"""Every cause is explained completely in every cloud, with links to that cloud."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from mailer.clouds import BUILTIN, Cloud
from mailer.diagnosis import SLUGS, Owner, diagnose, explain
from mailer.diagnosis.portal_links import PAGES
from mailer.diagnosis.texts.advice_catalog import ALL_ADVICE
from mailer.diagnosis.texts.catalog import ENTRIES

CLIENT = "11111111-2222-3333-4444-555555555555"
DIRECTORY = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
every_cloud = pytest.mark.parametrize("cloud", BUILTIN.values(), ids=BUILTIN)


def test_catalog_has_each_slug_once() -> None:
    assert len(SLUGS) == len(set(SLUGS)) == 33
    assert set(ENTRIES) == set(SLUGS)


@every_cloud
@pytest.mark.parametrize("slug", SLUGS)
def test_each_cause_is_explained_with_steps_and_links_of_its_cloud(slug: str, cloud: Cloud) -> None:
    said = explain(slug, cloud=cloud, client_id=CLIENT, directory_id=DIRECTORY, mailbox="alarms@contoso.com")

    assert said.slug == slug
    assert said.title
    assert said.explanation
    assert said.owner in Owner
    assert said.fix
    assert all(step and "%(" not in step for step in (said.title, said.explanation, *said.fix))
    assert said.links
    own = {urlsplit(address).netloc for address in (cloud.portal, cloud.exchange_portal, cloud.authority)}
    assert {urlsplit(link.url).netloc for link in said.links} <= own | {"learn.microsoft.com"}
    assert all(link.title and urlsplit(link.url).scheme == "https" for link in said.links)


@every_cloud
def test_portal_links_lead_to_the_portal_of_the_cloud(cloud: Cloud) -> None:
    for slug in ("secret_expired", "role_missing", "redirect_mismatch", "conditional_access"):
        assert explain(slug, cloud=cloud, client_id=CLIENT).links[0].url.startswith(cloud.portal + "/#view/")
    for slug in ("mailbox_not_found", "send_as_denied", "smtp_auth_disabled"):
        assert explain(slug, cloud=cloud).links[0].url.startswith(cloud.exchange_portal + "/#/")


def test_a_known_client_id_makes_the_link_deep() -> None:
    link = explain("secret_expired", client_id=CLIENT).links[0]
    blade = "Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Credentials"
    assert link.url == (f"https://entra.microsoft.com/#view/{blade}/appId/" + CLIENT)
    assert CLIENT not in explain("secret_expired").links[0].url


def test_the_consent_link_needs_both_ids_and_names_them() -> None:
    url = explain("consent_missing", cloud=BUILTIN["china"], client_id=CLIENT, directory_id=DIRECTORY).links[0].url
    assert url == f"https://login.partner.microsoftonline.cn/{DIRECTORY}/adminconsent?client_id={CLIENT}"
    assert not any("adminconsent" in link.url for link in explain("consent_missing", client_id=CLIENT).links)


def test_ids_from_outside_cannot_break_out_of_a_link() -> None:
    said = explain("consent_missing", client_id="x&redirect_uri=https://evil", directory_id="../../evil?")
    assert "x%26redirect_uri%3Dhttps%3A%2F%2Fevil" in said.links[0].url
    assert urlsplit(said.links[0].url).netloc == "login.microsoftonline.com"


def test_texts_are_translated_before_their_placeholders_are_filled() -> None:
    heard: list[str] = []

    def translate(text: str) -> str:
        heard.append(text)
        return text.upper().replace("%(MAILBOX)S", "%(mailbox)s").replace("%(CLIENT_ID)S", "%(client_id)s")

    said = explain("mailbox_access_denied", mailbox="alarms@contoso.com", client_id=CLIENT, translate=translate)
    assert "alarms@contoso.com" in said.explanation
    assert not any("alarms@contoso.com" in text for text in heard)
    assert said.title == said.title.upper()


def test_every_page_that_exists_is_used_and_every_page_used_exists() -> None:
    assert {page for entry in ENTRIES.values() for page in entry.pages} == set(PAGES)


def test_an_unknown_slug_is_explained_as_other() -> None:
    assert explain("no_such_cause").slug == "other"


def test_the_dictionary_is_json_with_the_keys_of_the_command() -> None:
    said = json.loads(json.dumps(diagnose("AADSTS7000222: expired", client_id=CLIENT).as_dict()))
    assert said["cause"] == "secret_expired"
    assert said["owner"] == "app_owner"
    assert set(said) == {"cause", "title", "explanation", "owner", "fix", "links", "found"}
    assert said["links"][0].keys() == {"title", "url"}
    assert any(link["url"] == "https://login.microsoftonline.com/error?code=7000222" for link in said["links"])


def test_ids_in_a_text_are_found_and_make_links_deep() -> None:
    said = diagnose(
        f"AADSTS700016: Application with identifier '{CLIENT.upper()}' was not found in the directory '{DIRECTORY}'."
        f"\r\nTrace ID: {DIRECTORY}\r\nCorrelation ID: {CLIENT}"
    )
    assert (said.found.client_id, said.found.directory_id) == (CLIENT, DIRECTORY)
    assert said.found.request_ids == {"trace-id": DIRECTORY, "correlation-id": CLIENT}
    assert said.found.codes == ("AADSTS700016",)
    assert any(CLIENT in link.url for link in said.links)


def test_secret_in_the_text_is_never_repeated() -> None:
    secret = "abc8Q~notARealSecretValueButShapedLikeOne1"
    said = diagnose(f"client_id={CLIENT}&client_secret={secret} -> AADSTS7000215: Invalid client secret provided.")
    assert secret not in json.dumps(said.as_dict())


@pytest.mark.parametrize(
    ("text", "portal"),
    [
        ("https://login.microsoftonline.us/x AADSTS7000222", "https://entra.microsoft.us/"),
        ("smtp.partner.outlook.cn AADSTS7000222", "https://entra.microsoftonline.cn/"),
        ("login.microsoftonline.com AADSTS7000222", "https://entra.microsoft.com/"),
    ],
)
def test_the_cloud_is_read_from_the_addresses_in_the_text(text: str, portal: str) -> None:
    assert diagnose(text).links[0].url.startswith(portal)


def test_unknown_text_is_explained_with_steps_to_try() -> None:
    said = diagnose("The pump on level 3 has failed.")
    assert said.slug == "other"
    assert said.fix


@pytest.mark.parametrize(
    ("text", "slug", "owner", "step"),
    [
        ("ErrorQuotaExceeded", "sending_limit", Owner.EXCHANGE_ADMINISTRATOR, "Sent Items"),
        ("/me request is only valid with delegated authentication", "user_sign_in_needed", Owner.OPERATOR, "/users/"),
        ("530 5.7.57 Client not authenticated to send mail", "smtp_auth_disabled", Owner.OPERATOR, "STARTTLS"),
        (
            "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox",
            "smtp_auth_disabled", Owner.EXCHANGE_ADMINISTRATOR, "Set-CASMailbox",
        ),
        ("550 5.7.708 traffic not accepted from this IP", "sending_limit", Owner.TENANT_ADMINISTRATOR, "support"),
        (
            "535 5.7.139 user is locked by your organization's security defaults policy",
            "conditional_access", Owner.TENANT_ADMINISTRATOR, "Security defaults do not concern",
        ),
        ("AADSTS53003: blocked by Conditional Access", "conditional_access", Owner.TENANT_ADMINISTRATOR, "Exclude"),
        (
            "smtp-mail.outlook.com: 535 5.7.139 basic authentication is disabled",
            "basic_auth_retired", Owner.OPERATOR, "device code",
        ),
        ("432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", "throttled", Owner.SENDER, "Send less often"),
        ("550 5.7.133 SenderNotAuthenticatedForGroup", "recipient_rejected", Owner.EXCHANGE_ADMINISTRATOR, "owner"),
        ("550 4.4.7 QUEUE.Expired; message expired", "recipient_rejected", Owner.SENDER, "domain"),
        ("550 5.7.515 Access denied, sending domain does not meet the required authentication level",
         "recipient_rejected", Owner.EXCHANGE_ADMINISTRATOR, "SPF"),
        ("550 5.7.606 Access denied, banned sending IP", "recipient_rejected", Owner.OPERATOR, "sender.office.com"),
        ("550 5.7.64 TenantAttribution; Relay Access Denied SMTP", "recipient_rejected", Owner.OPERATOR, "connector"),
        ("tls: first record does not look like a TLS handshake", "tls", Owner.OPERATOR, "587"),
        ("cannot authenticate to server smtp.example.com[192.0.2.1]: no mechanism available",
         "smtp_auth_disabled", Owner.OPERATOR, "SASL"),
        ("Server: 'smtp.example.com', 553 Sender address rejected: not logged in",
         "smtp_auth_disabled", Owner.OPERATOR, "provider"),
        ("535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated",
         "conditional_access", Owner.TENANT_ADMINISTRATOR, "50126"),
        ("450 4.4.316 Connection refused [LastAttemptedServerName=mx.example.com]", "transient", Owner.SENDER, "Tell"),
        ("AADSTS700024: Client assertion is not within its valid time range",
         "certificate_wrong", Owner.OPERATOR, "new one"),
        ("AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required", "secret_wrong",
         Owner.OPERATOR, "client_assertion_type"),
        ('{"code": "QuotaExceededException", "message": "Target mailbox quota exceeded."}', "sending_limit",
         Owner.EXCHANGE_ADMINISTRATOR, "Sent Items"),
    ],
)  # fmt: skip
def test_advice_fits_the_kind_of_the_cause(text: str, slug: str, owner: Owner, step: str) -> None:
    said = diagnose(text)
    assert (said.slug, said.owner) == (slug, owner)
    assert any(step in one for one in said.fix), said.fix
    assert explain(slug, technical=text).fix == said.fix


@pytest.mark.parametrize(
    "text",
    [
        "relay=contoso.mail.protection.outlook.com[192.0.2.1]:25, said: 550 5.4.1 Recipient address rejected",
        "to=<ops@outlook.com>, relay=smtp.office365.com: 535 5.7.3 Authentication unsuccessful",
        "535 5.7.139 Authentication unsuccessful [BN6PR03CA0021.namprd03.prod.outlook.com]",
    ],
)
def test_advice_does_not_take_a_host_for_a_reason(text: str) -> None:
    said = diagnose(text)
    assert said.title == explain(said.slug).title


def test_advice_is_of_known_causes_and_complete() -> None:
    for advice in ALL_ADVICE:
        assert set(advice.slugs) <= set(SLUGS)
        assert advice.title
        assert advice.explanation
        assert len(advice.fix) >= 2
        assert set(advice.pages) <= set(PAGES)


def test_values_of_owners_are_an_interface() -> None:
    """Programs compare them in `diagnose --json`."""
    assert {owner.value for owner in Owner} == {
        "tenant_administrator",
        "exchange_administrator",
        "app_owner",
        "operator",
        "sender",
        "user",
        "no" + "body",  # the one word that names and texts do not use
    }
