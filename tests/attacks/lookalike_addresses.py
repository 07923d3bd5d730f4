"""An account whose address has a look-alike of every kind, and the look-alikes."""

from __future__ import annotations

VICTIM = "kim.fisk@strasse-inc.example"

LOOK_ALIKES = {
    "dotless i": "kım.fisk@strasse-inc.example",
    "dotless i in the domain": "kim.fisk@strasse-ınc.example",
    "capital i with dot": "KİM.FİSK@strasse-inc.example",
    "capital i with dot in the domain": "kim.fisk@STRASSE-İNC.EXAMPLE",
    "sharp s in the domain": "kim.fisk@straße-inc.example",
    "capital sharp s in the domain": "KIM.FISK@STRAẞE-INC.EXAMPLE",
    "punycode of sharp s": "kim.fisk@xn--strae-inc-t2a.example",
    "cyrillic letter": "kim.fisk@strаsse-inc.example",
    "cyrillic letter before the at": "kim.fіsk@strasse-inc.example",
    "greek letter": "κim.fisk@strasse-inc.example",
    "combining mark": "kim.fisk\u0323@strasse-inc.example",
    "combining mark in the domain": "kim.fisk@strasse-i\u0307nc.example",
    "accent": "kím.fisk@strasse-inc.example",
    "plus": "kim.fisk+reset@strasse-inc.example",
    "percent": "kim.fisk%strasse-inc.example@evil.example",
    "without the dot": "kimfisk@strasse-inc.example",
    "a domain below": "kim.fisk@mail.strasse-inc.example",
    "a domain beside": "kim.fisk@strasse-inc.example.evil.example",
}
"""Other mailboxes, each of which some database, server or standard of old takes for the victim's."""

DOUBLES = {
    name: address
    for name, address in LOOK_ALIKES.items()
    if name not in ("capital sharp s in the domain", "punycode of sharp s", "combining mark in the domain")
}
"""Each another mailbox than the victim's and than any other of these."""

MALFORMED = {
    "two trailing dots": "kim.fisk@strasse-inc.example..",
    "two dots": "kim..fisk@strasse-inc.example",
    "zero width inside": "kim\u200b.fisk@strasse-inc.example",
    "soft hyphen inside": "kim.fisk@strasse\u00ad-inc.example",
    "joiner inside": "kim\u200d.fisk@strasse-inc.example",
    "direction turned inside": "kim.fisk\u202e@strasse-inc.example",
    "variation selector inside": "kim\ufe0f.fisk@strasse-inc.example",
    "filler inside": "kim.fisk\u3164@strasse-inc.example",
    "zero byte": "kim.fisk@strasse-inc.example\x00.evil.example",
    "a header more": "kim.fisk@strasse-inc.example\r\nBcc: eve@evil.example",
    "two addresses": "kim.fisk@strasse-inc.example,eve@evil.example",
    "two at signs": "kim.fisk@strasse-inc.example@evil.example",
    "fullwidth at sign": "kim.fisk＠strasse-inc.example@evil.example",
    "with a name and an address more": "eve@evil.example <kim.fisk@strasse-inc.example>",
    "name and comment": "Kim <kim.fisk(eve)@strasse-inc.example>",
    "mailto with a header": "mailto:kim.fisk@strasse-inc.example%0aBcc:eve@evil.example",
    "mailto with a copy": "mailto:kim.fisk@strasse-inc.example?cc=eve@evil.example",
    "quoted": '"kim.fisk"@strasse-inc.example',
    "comment": "kim.fisk(eve)@strasse-inc.example",
    "half a surrogate pair": "kim.fisk\ud800@strasse-inc.example",
}
"""No addresses: no door takes them for the victim's either."""

ODD_SPELLINGS = {
    "long s": "kim.fiſk@strasse-inc.example",
    "long s in the domain": "kim.fisk@ſtrasse-inc.example",
    "kelvin sign": "\u212aim.fisk@strasse-inc.example",
    "ligature": "kim.ﬁsk@strasse-inc.example",
    "full width": "ｋｉｍ．ｆｉｓｋ＠ｓｔｒａｓｓｅ－ｉｎｃ．ｅｘａｍｐｌｅ",
    "circled letter": "ⓚim.fisk@strasse-inc.example",
    "one dot leader": "kim\u2024fisk@strasse-inc.example",
    "ideographic full stop": "kim.fisk@strasse-inc。example",
}
"""Compatibility forms. They are read as the victim's address, and so lead to the victim's mailbox and to no other."""

HONEST = {
    "as it is": VICTIM,
    "capital letters": "Kim.Fisk@Strasse-Inc.Example",
    "all capitals": VICTIM.upper(),
    "spaces around": f"  {VICTIM} ",
    "a line break behind": f"{VICTIM}\r\n",
    "no-break space behind": f"{VICTIM}\u00a0",
    "zero width space behind": f"{VICTIM}\u200b",
    "byte order mark before": f"\ufeff{VICTIM}",
    "soft hyphen behind": f"{VICTIM}\u00ad",
    "direction marks around": f"\u202a{VICTIM}\u202c",
}
"""What people type and paste."""

WRAPPED = {
    "trailing dot": f"{VICTIM}.",
    "with a name": f"Kim <{VICTIM}>",
    "with a name that is an address": f'"eve@evil.example" <{VICTIM}>',
    "mailto": f"mailto:{VICTIM}",
    "mailto with a subject": f"MailTo:{VICTIM}?subject=eve@evil.example",
    "proxy address": f"SMTP:{VICTIM}",
}
"""What people paste around an address, read by every input; not by a comparison of stored addresses."""
