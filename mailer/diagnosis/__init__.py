"""Diagnosis of any error, raised or pasted: its cause, who must act, and how to fix it. Uses no network and no clock.

    from_token_error(msal's dict)   from_http(status, headers, body, service="graph")   from_smtp(535, b"5.7.139 …")
    from_exception(error)           from_text("AADSTS7000222: …")                    -> a slug of SLUGS
    explain("secret_expired", cloud=…, client_id=…)    diagnose("pasted text")       -> a Diagnosis

The rules are data in `rules/` (each with its source), the texts in `texts/`; `classifier` decides which rule wins.
"""

from __future__ import annotations

from mailer.diagnosis.causes import SLUGS, Owner
from mailer.diagnosis.explanation import Diagnosis, diagnose, explain, from_text
from mailer.diagnosis.extracted_ids import ExtractedIds
from mailer.diagnosis.from_errors import from_exception, from_http, from_smtp, from_token_error
from mailer.diagnosis.portal_links import Link

__all__ = [
    "SLUGS",
    "Diagnosis",
    "ExtractedIds",
    "Link",
    "Owner",
    "diagnose",
    "explain",
    "from_exception",
    "from_http",
    "from_smtp",
    "from_text",
    "from_token_error",
]
