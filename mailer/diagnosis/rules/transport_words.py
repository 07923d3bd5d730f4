"""What mail and web libraries of other languages say of a connection: curl, Go, PHP, node, Java, Python, Ruby, Perl,
MailKit and command-line tools.

Each library words the same few events (no name, no port, no TLS, no answer, no sign-in) in its own way.

Sources: the libraries' own sources (curl/lib/strerror.c; Go's net, crypto/tls and net/smtp; PHPMailer's language files;
symfony/mailer; nodemailer; Jakarta Mail; JDK's sun.security.ssl; urllib3, smtplib, aiohttp; net-smtp; MailKit; swaks).
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_CURL = "curl/lib/strerror.c"
_GO = "Go's net, net/http, net/smtp, crypto/tls"
_PHP = "PHPMailer, symfony/mailer, Swift Mailer, Guzzle"
_NODE = "node's tls and dns, nodemailer"
_JAVA = "Jakarta Mail, java.net, sun.security.ssl, sun.security.validator"
_PYTHON = "smtplib, ssl, urllib3, aiohttp, httpx"
_OTHERS = "net-smtp of Ruby, Net::SMTP of Perl, MailKit, swaks, msmtp, postfix"

TRANSPORT_WORDS: Final[tuple[Rule, ...]] = (
    *rules(
        "tls",
        Rank.WORDING,
        _CURL,
        r"curl error (?:35|51|53|54|58|59|60|64|66|77|80|82|83|90|91)\b|curl: ?\((?:35|51|53|58|59|60|64|77|80|91)\)",
        r"ssl peer certificate or ssh remote key|problem with the (?:ssl ca cert|local ssl certificate)",
        r"ssl_connect|ssl connect error|ssl_error_(?:syscall|ssl)",
        r"alert (?:handshake|protocol|internal|unknown|certificate)",
        r"schannel: |gnutls_handshake|gnutls: |nss error -|openssl/\S{1,20} error|ssl handshake|tls handshake",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _CURL,
        r"curl error (?:5|6|7|28|52|55|56|97)\b|curl: ?\((?:5|6|7|28|52|55|56|97)\)",
        r"couldn'?t (?:connect to|resolve) (?:server|host|proxy)|could not resolve (?:proxy|hostname)",
        r"resolving timed out",
        r"failed to connect to \S{1,120} port \d|empty reply from server|failure when receiving data from the peer",
        r"operation timed out after \d|ssl connection timeout|connection timed out after|recv failure|send failure",
        r"received http code \d{3} from proxy|proxy connect aborted|http code \d{3} from proxy",
    ),
    *rules(
        "tls",
        Rank.WORDING,
        _GO,
        r"first record does not look like a tls handshake|tls: (?:failed|bad|unexpected|unsupported|internal) ",
        r"x509: |remote error: tls|http: server gave https response|server gave http response to https client",
        r"oversized record received|tls: protocol version not supported",
        r"unencrypted connection",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _GO,
        r"dial tcp\b|lookup \S{1,120} (?:on \S{1,60}: |: )|server misbehaving|context deadline exceeded",
        r"client\.timeout exceeded|connect: (?:network|no route|host is down)|read tcp \S{1,120}: ",
        r": eof\b|unexpected eof",
        r"net/http: request canceled|use of closed network connection|broken pipe|\bepipe\b",
    ),
    *rules(
        "tls",
        Rank.WORDING,
        _PHP,
        r"stream_socket_enable_crypto|failed to enable crypto|unable to connect with (?:starttls|tls encryption)",
        r"peer certificate cn|ssl operation failed with code",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _PHP,
        r"php_network_getaddresses|connection could not be established with host|stream_socket_client\(\)",
        r"smtp(?: error)?: ?(?:could not connect|failed to connect to server)|could not connect to smtp host",
        r"erreur smtp : impossible de se connecter|smtp[- ]fehler: ?(?:es )?konnte (?:keine verbindung|nicht)",
        r"error (?:smtp|de smtp): no se pudo conectar|errore smtp: impossibile conness",
        r"smtp-fout: kon(?:den)? niet verbinden",
        r"connection to \S{1,120} (?:has been closed|has timed out|timed out)|connection to tcp://\S{1,120}",
        r"expected response code .{0,40}(?:got an empty|got empty|but got code \"\"|got code \"\")",
        r"fsockopen\(\)|fsockopen: |unable to connect to (?:tcp|ssl|tls)://",
    ),
    *rules(
        "user_sign_in_needed",
        Rank.GENERIC,
        _PHP,
        r"smtp error: could not authenticate|erreur smtp : echec de l'?authentification",
        r"smtp[- ]fehler: authentifizierung fehlgeschlagen|smtp-fout: authenticatie mislukt",
        r"failed to authenticate on smtp server|error smtp: imposible autentificar",
        r"errore smtp: (?:l')?autenticazione",
    ),
    *rules(
        "tls",
        Rank.WORDING,
        _NODE,
        r"err_ssl_|err_tls_|\beproto\b|cert_(?:not_yet_valid|signature_failure|untrusted|revoked|chain_too_long)",
        r"unable to verify the first certificate|unable_to_get_(?:issuer|crl)|hostname/ip (?:does not|doesn't) match",
        r"client network socket disconnected before secure tls|packet length too long|bad record mac|unknown ca\b",
        r"altnames|self[_ -]signed (?:root )?cert",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _NODE,
        r"\beconn(?:aborted|ection|refused|reset)\b",
        r"\b(?:etimeout|esockettimedout|econnaborted|esocket|edns|ehostdown)\b",
        r"socket hang ?up|socket disconnected|und_err_(?:connect|socket|headers|body)|querya \w{3,12}|queryany",
        r"greeting never received|unexpected socket close|other side closed|fetch failed",
        r"connection closed unexpectedly",
        r"typeerror: failed to fetch|network error\b.{0,40}axios|axioserror: network error",
    ),
    *rules(
        "tls",
        Rank.WORDING,
        _JAVA,
        r"sslexception|peer not authenticated|unable to find valid certification path",
        r"no subject alternative (?:dns )?names?|trustanchor",
        r"received fatal alert",
        r"remote host (?:closed|terminated) (?:the )?(?:connection during )?handshake|ssl_null",
        r"unrecognized ssl message",
        r"could not convert socket to tls|can't send command to smtp host.{0,80}ssl|starttls is required but",
        r"trustanchors parameter must be non-empty|certificate_unknown|server certificate change is restricted",
    ),
    *rules(
        # JavaMail's outer exception speaks of the connection.
        "tls",
        Rank.REFINED,
        _JAVA,
        r"could not connect to smtp host.{0,300}(?:sslexception|ssl message|pkix|handshake|certpath|fatal alert)",
        r"(?:sslexception|ssl message|pkix|handshake|certpath|fatal alert).{0,300}could not connect to smtp host",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _JAVA,
        r"couldn'?t connect to host|mailconnectexception|(?:http|)hostconnectexception|noroutetohost|\bunknownhost\b",
        r"connection timed out: connect",
        r"java\.net\.(?:connect|socket|unknownhost|noroute)\w{0,20}exception|connect timed out",
        r"could not connect to smtp host|exception reading response|unexpected end of file from server",
        r"got bad greeting from smtp host",
        r"connecttimeoutexception|httptimeoutexception|connectionpooltimeout",
    ),
    *rules(
        "user_sign_in_needed",
        Rank.GENERIC,
        _JAVA,
        r"authenticationfailedexception|failed to connect, no password specified",
    ),
    *rules(
        "tls",
        Rank.WORDING,
        _PYTHON,
        r"\bssl: (?:certificate|wrong|tls|unsupported|unknown|no_|dh_|ca_|bad|unexpected)|\[ssl\b",
        r"sslcertverification|sslv3|tlsv1|eof occurred in violation of protocol",
        r"clientconnectorcertificate",
        r"check_hostname requires|bad handshake",
        r"no ciphers available|certifi\b.{0,60}not found",
        r"could not find a suitable tls ca certificate bundle",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _PYTHON,
        r"cannot connect to host|clientconnector(?:dns)?error|connectionrefused|connectionreset|connectionaborted",
        r"connecterror|all connection attempts failed|server ?disconnected|remoteprotocolerror|remote ?disconnected",
        r"\[errno (?:-2|-3|-5|8|11001|101|104|110|111|113|32|60|61|65|10060|10061|10013|10054)\]",
        r"readtimeouterror|newconnectionerror|protocolerror\(|please run connect\(\) first|incompleteread",
        r"serverdisconnected|smtp(?:connect|server|read)timeout|smtpconnectresponseerror",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _OTHERS,
        r"net::(?:open|read|write)timeout|execution expired|errno::e(?:conn|host|net|timed|pipe)",
        r"socketerror|getaddrinfo",
        r"can't connect to (?:smtp|\S{1,100}:\d)|bad hostname|connect to \S{1,120}\[\S{1,60}\]:\d{1,5}: ",
        r"lost connection with|conversation with \S{1,120} timed out|host or domain name not found",
        r"name service error",
        r"host not found|no response from (?:the )?(?:smtp )?server",
        r"server (?:did not|didn't|does not|doesn't) respond",
        r"smtp server has unexpectedly disconnected|the smtp server closed|network is down",
        r"host is (?:down|unreachable)",
        r"unable to (?:resolve|connect to|reach|contact) (?:the )?(?:\S{1,40} )?(?:host"
        r"|hostname|server|mail server|smtp|address)",
        r"no (?:valid )?(?:mx|dns) record|dns (?:lookup|query|resolution) (?:failed|error|timed)",
        r"name resolution fail",
        r"(?:connection|session) (?:was |has been |is |has )?(?:closed|lost|dropped|terminated"
        r"|interrupted|refused|reset|timed out|failed)",
    ),
    *rules(
        "tls",
        Rank.WORDING,
        _OTHERS,
        r"openssl::ssl|ssl_read|ssl_write|tlsv1_3|sslhandshake|sslnegotiation|ssl negotiation|tls negotiation",
        r"(?:cannot|could not|can't|unable to|failed to) (?:start|establish|negotiate"
        r"|initialize|begin) (?:a |the )?(?:secure |encrypted )?(?:tls|ssl|starttls|secure)",
        r"(?:ssl|tls) (?:error|failure|failed|negotiation|required|version)",
        r"(?:ssl|tls) ?certificate (?:error|problem|is not|verif|could)",
        r"certificate (?:has expired|is not trusted|not trusted|is not yet valid|name mismatch"
        r"|unknown|is untrusted|common name|validation|could not be)",
        r"(?:does not|doesn't|not) support (?:the )?(?:starttls|tls|ssl)",
        r"starttls (?:extension )?(?:not|is not|unsupported)",
        r"server certificate (?:verification|does not|is|was)|untrusted (?:root|certificate)|invalid certificate",
    ),
)
