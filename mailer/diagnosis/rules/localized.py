"""Words of Windows, .NET and Outlook without a code, in English, French, German, Spanish, Italian, Dutch, Portuguese.

Their messages are translated, so a machine's language decides what people paste. Normalized: without accents.

Sources: resource strings of System.Net and System.Net.Mail (.NET Framework), `FormatMessage` of Winsock,
WinHTTP and Schannel, Outlook's send and receive errors, as quoted in public threads and in MicrosoftDocs' translations.
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_MAIL = "System.Net.Mail's SmtpException, by SmtpStatusCode"
_NET = "System.Net's WebException and SocketException"
_SCHANNEL = "Schannel and System.Net.Security.SslStream"
_OUTLOOK = "Outlook's send and receive errors"

LOCALIZED: Final[tuple[Rule, ...]] = (
    *rules(
        # SmtpStatusCode.MustIssueStartTlsFirst and ClientNotPermitted: the server's own words follow and may say more.
        "smtp_auth_disabled",
        Rank.WORDING,
        _MAIL,
        "smtp server requires a secure connection or the client was not auth",
        "serveur smtp (?:requiert|exige|necessite) une connexion securisee ou le client",
        "smtp-server (?:erfordert eine sichere verbindung|ist eine sichere verbindung erforderlich),? oder der client",
        "servidor smtp (?:requiere|necesita) una conexion segura o el cliente",
        "server smtp richiede una connessione (?:protetta|sicura) o il client",
        "smtp-server is een beveiligde verbinding vereist of de client",
        "servidor smtp (?:requer|exige) uma (?:conexao|ligacao) segura ou o cliente",
        "le client n'(?:etait|est|a) pas (?:ete )?authentifie|client non authentifie",
        "client (?:wurde |war |ist )?nicht authentifiziert",
        "cliente no (?:se autentico|esta autenticado|autenticado)|cliente nao (?:foi |esta )?autenticado",
        "client non (?:e stato )?autenticato|client is niet geverifieerd",
        "(?:outgoing|smtp) server requires authentication",
        "authentification (?:smtp )?(?:est )?(?:requise|obligatoire)|smtp-authentifizierung (?:ist )?erforderlich",
    ),
    *rules(
        "recipient_rejected",
        Rank.GENERIC,
        _MAIL,
        "mailbox (?:name )?(?:not allowed|unavailable|not available)",
        "boite aux lettres (?:non|pas|est in) ?disponible",
        "postfach (?:ist )?nicht verfugbar",
        "buzon (?:de correo )?no (?:esta )?disponible|cassetta postale non disponibile",
        "postvak (?:is )?niet beschikbaar",
        "caixa (?:de correio|postal) (?:esta )?indisponivel",
    ),
    *rules(
        "recipient_rejected",
        Rank.WORDING,
        _MAIL,
        "not in the form required for an e-?mail address",
        "n'a pas la forme requise pour une adresse",
        "entspricht nicht dem fur e-mail-adressen erforderlichen format",
        "no (?:tiene|esta en) (?:la forma|el formato) (?:obligatori[ao]|requerid[ao]) para una direccion",
        "header ?(?:contains|value).{0,30}invalid (?:e-?mail|mail) address",
        "invalid (?:mail|e-?mail) address in .{0,10}\\bto\\b",
        "(?:e-mail-adresse|adresse)? ?.{0,60}vom server nicht akzeptiert",
        "one of the recipients was rejected by the server",
        "(?:un|l'un) des destinataires a ete (?:rejete|refuse) par le serveur",
        "relay(?:ing)? (?:verweigert|nicht (?:erlaubt|gestattet|moglich))|relais (?:refuse|non autorise|interdit)",
        "(?:retransmision|relay) (?:denegad|no permitid)|inoltro (?:negato|non consentito)",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _NET,
        "underlying connection was closed",
        "connexion sous-jacente a ete (?:fermee|interrompue)",
        "zugrunde ?liegende verbindung wurde (?:geschlossen|getrennt|beendet)",
        "(?:se ha (?:terminado|cerrado)|se cerro) la conexion|conexion subyacente",
        "connessione sottostante (?:e stata )?(?:chiusa|interrotta)",
        "onderliggende verbinding is (?:gesloten|verbroken)",
        "(?:conexao|ligacao) subjacente",
        "no se (?:puede|pudo|ha podido) resolver el nombre|impossibile risolvere il nome",
        "externe naam kan niet worden omgezet|nome remoto nao pode(?: ser)? resolvido",
        "no es posible conectar con el servidor|no se (?:puede|pudo) conectar (?:al|con el) servidor",
        "impossibile (?:effettuare la connessione|connettersi|stabilire la connessione|stabilire una connessione)",
        "kan geen verbinding (?:met .{0,30}server )?(?:maken|tot stand)",
        "kan (?:de )?(?:externe )?server niet bereiken",
        "impossivel (?:conectar|estabelecer)",
        "nao (?:e|foi) possivel (?:conectar|ligar|estabelecer (?:uma )?(?:conexao|ligacao))",
        "(?:host|hote|equipo|computer) (?:desconocido|sconosciuto|onbekend|desconhecido)|host nao e conhecido",
        "unknown (?:smtp |mail )?(?:host|server)|(?:smtp|mail) (?:host|server) (?:unknown|unbekannt|inconnu)",
        "no se conoce (?:ningun host|el host)|kein solcher host|angegebener? host ist unbekannt",
        "parti(?:e)? connecte(?:e)? n'a pas repondu|gegenstelle nach einer bestimmten zeit",
        "parte conectada no respondio|parte connessa|verbonden partij",
        "verbindung (?:wurde )?vom (?:remotehost|server|zielcomputer) (?:geschlossen|getrennt"
        "|verweigert|beendet|abgelehnt)",
        "denego expresamente|rifiuto persistente|recusou ativamente|actief (?:is )?geweigerd",
        "interrupcion de una conexion|interrotta forzatamente|connexion existante a (?:du|ete)",
        "forcado o cancelamento",
        "donnees de la connexion de transport|ubertragungsverbindung konnen keine|conexion de transporte",
        "connessione di trasporto",
        "(?:data (?:from|to)|write to) the transport connection",
        "delai d'(?:attente|expiration).{0,60}(?:depasse|expire|atteint)|l'operation a expire",
        "temps d'attente .{0,30}(?:depasse|expire)",
        "vorgang hat das (?:timeout|zeitlimit) uberschritten",
        "(?:zeituberschreitung|timeout) .{0,30}(?:vorgang|verbindung|antwort|server)",
        "(?:verbindung|vorgang|server)\\S{0,10} .{0,20}zeituberschreitung",
        "(?:tiempo de espera|tempo limite|tempo scaduto|timeout dell'operazione"
        "|time-out)\\b.{0,60}(?:agotado|excedid|operaci|operazi|bewerking|verbinding|atingido|conexion"
        "|superato|solicitud)",
        "socket operation was attempted to an unreachable",
        "(?:reseau|hote) (?:impossible a atteindre|inaccessible)|nicht verfugbares netzwerk",
        "netzwerk (?:ist )?nicht erreichbar",
        "(?:access a|acces a un) socket .{0,40}(?:forbidden|interdite)|zugriff auf einen socket",
        "(?:server|serveur) .{0,60}(?:konnte nicht gefunden werden|n'a pas ete trouve|est introuvable)",
    ),
    *rules(
        "network",
        Rank.WORDING,
        _OUTLOOK,
        "(?:cannot|can't|unable to) (?:find|reach|contact) the (?:e-?mail |mail |outgoing |smtp )?server",
        "(?:connection to the|outlook (?:cannot|can't) connect to .{0,40}) ?(?:outgoing|smtp"
        "|server).{0,20}(?:interrupted|e-?mail server)",
        "timed out waiting for a response from the (?:sending|receiving|smtp)",
        "server unexpectedly terminated the connection|server terminated the connection",
        "connection to the server (?:was interrupted|failed)",
        "verbindung (?:mit|zu) dem (?:mail)?server (?:wurde )?(?:unterbrochen|getrennt)",
        "connexion au serveur (?:a ete )?(?:interrompue|a echoue)",
        "unterbrechung der verbindung|server (?:ist|war) nicht erreichbar",
        "serveur (?:est )?(?:injoignable|inaccessible)",
    ),
    *rules(
        "tls",
        Rank.REFINED,  # "the underlying connection was closed: could not establish trust" is both
        _SCHANNEL,
        "vertrauensstellung.{0,60}(?:ssl|tls)|(?:ssl|tls)-?kanal.{0,40}vertrauensstellung",
        "relation(?:ship)? (?:d'approbation|de confiance).{0,30}(?:canal|ssl)",
        "relacion de confianza.{0,40}(?:ssl|tls|canal)",
        "relazione di trust.{0,40}(?:ssl|canale)|vertrouwensrelatie.{0,40}(?:ssl|tls|kanaal)",
        "relacao de confianca.{0,40}(?:ssl|canal)",
        "ssl/tls-kanal|(?:canal seguro|canale sicuro|beveiligd ssl/tls-kanaal|canal de seguranca).{0,30}(?:ssl|tls)?",
        "error occurred on a (?:send|receive).{0,100}(?:ssl|tls|handshake)",
    ),
    *rules(
        "tls",
        Rank.WORDING,
        _SCHANNEL,
        "(?:call to|appel a|llamada a|chiamata a) (?:la )?sspi|sspi-aufruf|sspi-aanroep",
        "do not possess a common algorithm|pas (?:d'|un )algorithme commun|gemeinsamen algorithmus",
        "algoritmo com(?:un|une|um)\\b",
        "certificado remoto no es valido|certificato remoto non (?:e )?valido",
        "externe certificaat is ongeldig|certificado remoto e invalido",
        "certificate chain was issued by an authority|issued by an authority that is not trusted",
        "chain could not be built to a trusted",
        "(?:autorite|stelle|zertifizierungsstelle) .{0,40}(?:pas|non|nicht) .{0,20}(?:approuvee|confiance|vertrau)",
        "(?:target principal name|zielprinzipalname|nom principal (?:de la )?cible"
        "|nombre principal de destino|nome dell'entita di destinazione) .{0,20}(?:incorrect|falsch|incorrecto|non)",
        "security certificate that cannot be verified",
        "sicherheitszertifikat.{0,60}(?:nicht uberpruft|nicht vertrauen|abgelaufen|ungultig)",
        "certificat de securite.{0,60}(?:verifie|expire|valide|approuve|confiance)",
        "remote party has closed the transport stream|(?:interlocuteur|partie) distante? a ferme le flux",
        "gegenseite den transportstream",
        "ha cerrado la secuencia de transporte|0 bytes from the transport stream",
        "0 (?:octet|byte)s? .{0,40}(?:flux de transport|transportstrom|transportstream)",
        "connection encryption type|verbindungsverschlusselungstyp|type de chiffrement (?:de connexion )?specifie",
        "revocation function was unable|sperrfunktion|fonction de revocation n'a pas pu",
        "message received was unexpected or badly formatted|message recu (?:est|etait) inattendu",
        "empfangene nachricht war unerwartet",
    ),
    *rules(
        "smtp_auth_disabled",
        Rank.WORDING,
        _OUTLOOK,
        "none of the authentication methods supported by (?:this|the|your) client",
        "keine der .{0,30}(?:unterstutzten )?authentifizierungsmethoden|aucune des methodes d'authentification",
        "ninguno de los metodos de autenticacion|nessuno dei metodi di autenticazione",
    ),
    *rules(
        "send_as_denied",
        Rank.WORDING,
        _OUTLOOK,
        "do(?:es)? not have (?:the )?(?:permission|rights?) to send (?:the |this |a )?(?:message|mail)",
        "(?:keine|nicht die) (?:berechtigung|rechte),? .{0,60}(?:im auftrag|im namen|als dieser absender)",
        "(?:pas|droits?|autorisation).{0,40}envoyer .{0,40}(?:au nom de|de la part|en tant que)",
        "(?:permiso|permisos) para enviar .{0,40}(?:en nombre|como)",
        "autorizzazion[ei] (?:a|per) inviare .{0,40}(?:per conto|come)",
    ),
)
