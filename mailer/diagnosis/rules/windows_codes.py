"""Numbers of Windows and its programs: Outlook, CDO, WinHTTP, Winsock, Schannel and the Web Account Manager.

A number in hexadecimal is the same in every language of Windows, and is one cause.

Sources: Microsoft, "List of error codes in Outlook" (imnxport.h: IXP_E_…), cdosys.h (CDO_E_…), winhttp.h and wininet.h
(12xxx, as HRESULT 0x80072Exx; the Web Account Manager repeats them as 0xCAA82Exx), winerror.h (SEC_E_…, CERT_E_…).
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule

_OUTLOOK = "Outlook and Windows Mail, IXP_E_… of imnxport.h"
_CDO = "cdosys.h"
_WININET = "winhttp.h, wininet.h"
_SECURITY = "winerror.h, SEC_E_… and CERT_E_…"
_WINSOCK = "winsock2.h"

_ROWS: Final[tuple[tuple[str, str, str], ...]] = (
    ("network", _OUTLOOK, "0x800ccc0d 0x800ccc0e 0x800ccc0f 0x800ccc0b 0x800ccc0a 0x800ccc13 0x800ccc14 0x800ccc15"),
    ("network", _OUTLOOK, "0x800ccc16 0x800ccc17 0x800ccc19 0x8004210a 0x80042109 0x80042108 0x800ccc60"),
    ("tls", _OUTLOOK, "0x800ccc1a 0x800ccc1b 0x800ccc1c 0x800ccc1d 0x800ccc7d"),
    ("user_sign_in_needed", _OUTLOOK, "0x800ccc92 0x800ccc18 0x800ccc91"),
    ("smtp_auth_disabled", _OUTLOOK, "0x800ccc78 0x800ccc80 0x800ccc6e"),
    ("recipient_rejected", _OUTLOOK, "0x800ccc79 0x800ccc69 0x800ccc67 0x800ccc68 0x8004010f"),
    ("message_too_large", _OUTLOOK, "0x800ccc6c 0x800ccc6d"),
    ("network", _CDO, "0x80040213"),
    ("user_sign_in_needed", _CDO, "0x80040217"),
    ("network", _WININET, "0x80072ee2 0x80072ee7 0x80072efd 0x80072efe 0x80072eff 0x80072f78 0x80072f76"),
    ("network", _WININET, "0xcaa82ee2 0xcaa82ee7 0xcaa82efd 0xcaa82efe 0xcaa82eff"),
    ("tls", _WININET, "0x80072f7d 0x80072f8f 0x80072f05 0x80072f06 0x80072f0d 0x80072f19 0xcaa82f8f 0xcaa82f7d"),
    ("tls", _SECURITY, "0x80090322 0x80090325 0x80090326 0x80090327 0x80090328 0x80090331 0x80090308 0x80090349"),
    ("tls", _SECURITY, "0x800b0109 0x800b0101 0x800b010f 0x800b010a 0x80092012 0x80092013 0x80131501"),
    ("network", _WINSOCK, "0x80072740 0x80072741 0x8007274c 0x8007274d 0x80072746 0x80072af9 0x80072afc 0x8007271d"),
    ("user_sign_in_needed", "Web Account Manager", "0xcaa20003 0xcaa2000c 0xcaa20004 0xcaa30194"),
)

_BARE = r"(?:socket|winsock|wsa|winerror|os|system)[ _-]?(?:error)?[ _-]?(?:code|nr\.?|no\.?|number|#)?[ :=#(]{0,3}"

WINDOWS_CODES: Final[tuple[Rule, ...]] = (
    *(Rule(slug, rf"\b{code}\b", Rank.WORDING, source) for slug, source, codes in _ROWS for code in codes.split()),
    # Only together with a word: Winsock's numbers are five digits of anything.
    Rule("network", _BARE + r"(?:10013|1005[0-4]|1006[0145]|1100[1-4])\b", Rank.WORDING, _WINSOCK),
    Rule(
        "network", r"error[_ ]winhttp[_ ](?:cannot[_ ]connect|name[_ ]not|timeout|connection)", Rank.WORDING, _WININET
    ),
    Rule(
        "network", r"error[_ ]internet[_ ](?:cannot[_ ]connect|name[_ ]not|timeout|connection)", Rank.WORDING, _WININET
    ),
    Rule("tls", r"error[_ ](?:winhttp|internet)[_ ](?:secure[_ ]|sec[_ ]cert|invalid[_ ]ca)", Rank.WORDING, _WININET),
    Rule("tls", r"(?:secur32|sec_e|cert_e)_\w{4,40}", Rank.WORDING, _SECURITY),
)
