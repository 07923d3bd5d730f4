"""From any error, typed or pasted, to its cause, who must act, and how to mend it. Pure: no network, no clock.

    from_token_error(msal's dict)   from_http(status, headers, body, door="graph")   from_smtp(535, b"5.7.139 …")
    from_exception(error)           from_text("AADSTS7000222: …")                    -> a slug of SLUGS
    explain("secret_expired", cloud=…, client_id=…)    diagnose("pasted text")       -> a Diagnosis

What is known stands as data in `rules/` (each row with its source) and `words/`; `judging` says which row wins.
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
