"""Words for the things and the events of an error, in seven languages, by concept.

Servers and systems translate and reword their messages; a certificate that is not valid, a recipient that is unknown
remain what they are in all of them. `compositions` says which concepts together mean which cause.

A word is the beginning of a word in normalized text (lower case, no accents); after "~" it may also be the end of a
compound (German, Dutch). Languages, in this order: English; French; German; Spanish; Italian; Dutch; Portuguese.
"""

from __future__ import annotations

from typing import Final

_ROWS: Final[dict[str, str]] = {
    # Things.
    "certificate": "certificat/~zertifikat/certificado/certificato/~certificaat",
    "secret": "client secret/secret client/secret de client/cle secrete/cles secretes/~clientgeheimnis/"
    "geheimer client/geheimen client/geheime client/~clientschlussel/secreto de cliente/"
    "secreto del cliente/segreto client/clientgeheim/segredo do cliente/segredo de cliente/app secret/"
    "application secret",
    "connection": "connection/connexion/~verbindung/conexion/connessione/~verbinding/conexao/ligacao",
    "name": "host name/hostname/dns name/domain name/nom d'hote/nom de domaine/~hostname/~servername/"
    "~rechnername/nombre de host/nombre del host/nome host/hostnaam/nome do host/dns",
    "recipient": "recipient/destinataire/~empfanger/destinatario/ontvanger/geadresseerde/destinataria/addressee",
    "mailbox": "posteingang/bandeja de entrada/posta in arrivo/mailbox/mail box/inbox/boite aux lettres/"
    "boite de reception/boite mail/~postfach/buzon/cassetta postale/casella/~postvak/~postbus/"
    "caixa de correio/caixa postal/caixa de entrada",
    "message": "message/mail/e-mail/email/~nachricht/mensaje/correo/messaggio/~bericht/mensagem/courrier/courriel/"
    "attachment/~anhang/~anlage/piece jointe/pieces jointes/adjunto/archivo adjunto/allegato/~bijlage/"
    "anexo",
    "connect": "connect/connecter/se connecter/~verbinden/verbindung/conectar/connettersi/collegarsi/verbinden/ligar",
    "smtp auth": "smtp auth/smtp-auth/authenticated smtp/authentification smtp/smtp authentifie/autenticacion smtp/"
    "autenticazione smtp/smtp-verificatie/autenticacao smtp",
    "handshake": "handshake/negociation/~aushandlung/negociacion/negoziazione/onderhandeling/negociacao",
    "tls": "tls/ssl/~tls",
    "thumbprint": (
        "thumbprint/~fingerabdruck/empreinte/huella/identificazione personale/~vingerafdruk/impressao digital"
    ),
    "spam": "spam/junk/virus/indesirable/~unerwunscht/no deseado/indesiderat/ongewenst/indesejad",
    "sender": "sender/from address/expediteur/~absender/remitente/mittente/afzender/remetente",
    "permission": "permission/privilege/access rights/autorisation/droits/~berechtigung/~rechte/permiso/privilegio/"
    "autorizzazion/permess/~machtiging/bevoegdhe/permisso/permissa/permissao/permissoes",
    "tenant": "tenant/locataire/~mandant/inquilino",
    "application": (
        "application with/app registration/application '/l'application/~anwendung/aplicacion/applicazione/"
        "toepassing/aplicativo/aplicacao"
    ),
    "consent": "acconsent/consent/consentement/~zustimmung/~einwilligung/consentimiento/consenso/toestemming/"
    "consentimento",
    "token": "access token/token/jeton/~zugriffstoken/~toegangstoken",
    "refresh": "refresh token/jeton d'actualisation/~aktualisierungstoken/token de actualizacion/"
    "token di aggiornamento/~vernieuwingstoken/token de atualizacao",
    "password": "password/passwd/username or/user name or/mot de passe/~kennwort/~passwort/contrasena/~wachtwoord/"
    "senha/palavra-passe/identifiants/~anmeldeinformationen/credenciales/credenziali/aanmeldingsgegevens/"
    "credenciais/credentials",
    "sign-in": "authenticat/auth fail/auth error/auth attempt/authentif/logon/login/log on/log in/sign-in/sign in/"
    "~anmeldung/autenticacion/autenticazione/autenticar/autentificar/verificatie/aanmelding/autenticacao/"
    "inicio de sesion",
    "requests": "demande/request/connection/requete/connexion/~anfrage/~anforderung/~verbindung/solicitud/peticion/"
    "conexion/richiest/connession/~aanvra/~verzoek/~verbinding/solicitac/pedido/conex",
    "service": "service/server/serveur/~dienst/servicio/servidor/servizio/servico",
    "mail server": (
        "e-mail-system/mail-system/systeme de messagerie/sistema de correo/sistema di posta/sistema de email/"
        "e-mailsysteem/outgoing server/sortant/~postausgangsserver/servidor de salida/server in uscita/smtp/"
        "mail server/mailserver/~mailserver/serveur de messagerie/serveur de courrier/servidor de correo/"
        "server di posta/servidor de e-mail"
    ),
    "sending": "messages per/recipients per/per day/daily/per hour/hourly/sending/recipients/destinataires/par jour/"
    "par heure/envoi/pro tag/taglich/~sende/~empfanger/por dia/diario/envio/al giorno/giornalier/invio/"
    "per dag/verzend/ontvangers",
    # Events.
    "invalid": "non approuve/invalid/not valid/isn't valid/not trusted/untrusted/self-signed/self signed/verif/"
    "not match/mismatch/non valide/n'est pas valide/invalide/pas approuve/pas fiable/pas de confiance/"
    "auto-signe/autosigne/ne correspond/ungultig/nicht gultig/nicht vertrauen/selbstsigniert/"
    "selbst signiert/stimmt nicht/nicht uberpruft/no es valido/no valido/no valida/no es de confianza/"
    "autofirmado/non valido/non e valido/non attendibile/non affidabile/autofirmato/ongeldig/niet geldig/"
    "niet vertrouwd/zelfondertekend/nao e valido/invalido/nao confiavel/autoassinado",
    "expired": "a expire/expirou/expired/has expired/expire /expire./expiree/expires /arrive a expiration/"
    "abgelaufen/caducad/expirad/vencid/scadut/verlopen",
    "broken": "abandonn/disconnected/disconnects/coupe /coupee/couper/deconnect/desconect/disconness/verbreekt/"
    "refused/reset/closed/lost/aborted/dropped/interrupted/terminated/timed out/time out/refusee/fermee/"
    "perdue/interrompue/rompue/expire/verweigert/geschlossen/getrennt/unterbrochen/abgebrochen/verloren/"
    "zuruckgesetzt/zeituberschreitung/rechazad/cerrad/perdid/interrumpid/agotad/rifiutat/chius/interrott/"
    "scadut/geweigerd/gesloten/verbroken/onderbroken/recusad/fechad/perdida/interrompid/encerrad/esgotad",
    "unmade": "keine verbindung/pas de connexion/sin conexion/nessuna connessione/geen verbinding/sem conexao/"
    "error while/error connecting/error during/erreur de/erreur lors/fehler bei der/error al/error de/"
    "errore durante/errore di/fout bij/erro ao/erro de/failed/en erreur/en echec/cannot/can't/could not/"
    "couldn't/unable/impossible/echou/echec/n'a pas pu/ne peut pas/konnte nicht/konnte keine/kann nicht/"
    "kann keine/fehlgeschlagen/nicht moglich/nicht hergestellt/no se pudo/no se puede/no se ha podido/"
    "no fue posible/fallo/fallid/impossibile/non e stato possibile/non riuscit/fallit/kan geen/kan niet/"
    "kon niet/kon geen/mislukt/niet mogelijk/nao foi possivel/nao e possivel/falha/falhou",
    "refused": "darf keine/darf nicht/no se permite/no esta autorizad/non e consentito/non e autorizzat/mag niet/"
    "nao tem permissao/rejected/refused/denied/not accepted/not allowed/not permitted/rejete/refus/"
    "pas accepte/non autorise/pas autorise/interdit/abgelehnt/abgewiesen/verweigert/zuruckgewiesen/"
    "nicht akzeptiert/nicht erlaubt/nicht zulassig/nicht gestattet/nicht berechtigt/rechazad/denegad/"
    "no permitid/no autorizad/no acept/rifiutat/negat/non consentit/non autorizzat/non accettat/"
    "geweigerd/afgewezen/niet toegestaan/niet geaccepteerd/recusad/rejeitad/negad/nao permitid/"
    "nao autorizad",
    "unknown": "kein postfach/no tiene buzon/pas de boite/impossible de trouver/nicht gefunden werden/"
    "no se puede encontrar/no se encuentra/impossibile trovare/kan niet vinden/nao e possivel encontrar/"
    "kein empfanger/aucun destinataire/unknown/not found/could not be found/couldn't be found/"
    "wasn't found/does not exist/doesn't exist/no such/not exist/inconnu/introuvable/n'existe pas/"
    "pas ete trouve/unbekannt/nicht gefunden/existiert nicht/nicht vorhanden/gibt es nicht/desconocid/"
    "no existe/no se encontr/no se ha encontr/no encontrad/non trovat/sconosciut/non esiste/"
    "non e stato trovato/onbekend/niet gevonden/bestaat niet/desconhecid/nao existe/nao encontrad/"
    "nao foi encontrad",
    "unresolved": (
        "resolve/resolution/lookup/no address/pas ete resolu/pas pu etre resolu/resoudre/aufgelost/auflosung/"
        "auflosen/resolver/resuelt/risolver/risoluzione/omgezet/opgelost/resolvid"
    ),
    "full": "voll ist/voll,/quota de stockage/cuota de almacenamiento/cuota del buzon/quota di archiviazione/"
    "speicherkontingent/opslagquotum/quota depassee/no space left/plus d'espace/kein speicherplatz/"
    "sin espacio/spazio esaurito/speicherlimit/storage limit/limite de stockage/limite de almacenamiento/"
    "limite di archiviazione/opslaglimiet/limite de armazenamento/is full/full./full,/over quota/"
    "quota exceeded/exceeded its quota/exceeded the quota/est pleine/pleine/saturee/quota depasse/"
    "ist voll/voll./uberfullt/kontingent/esta lleno/lleno/llena/e piena/pien/is vol/vol./esta cheia/"
    "cheia/out of storage",
    "too large": "supera il limite di dimension/limite di dimension/too large/too big/exceeds the maximum/"
    "exceeds the size/maximum size/size limit/larger than/trop volumineu/trop gros/trop grand/trop lourd/"
    "taille maximale/depasse la taille/limite de taille/zu gross/maximale grosse/grossenbeschrankung/"
    "grossenlimit/grossengrenz/maximal zulassige/demasiado grande/tamano maximo/supera el tamano/"
    "limite de tamano/troppo grande/dimensione massima/dimensioni massime/te groot/maximale grootte/"
    "muito grande/tamanho maximo/limite de tamanho",
    "missing": "non ha /no ha /missing/insufficient/not sufficient/lacks/not granted/not have/isn't granted/"
    "required/manquant/manque/insuffisant/n'a pas/n'avez pas/ne dispose/pas accord/suffisant/fehlt/"
    "fehlen/unzureichend/nicht genug/nicht uber/keine/nicht erteilt/erforderlich/no tiene/falta/"
    "insuficiente/suficientes/requerid/non dispone/non si dispone/mancan/ontbre/onvoldoende/niet over/"
    "nao tem/faltam/insuficientes/necessari",
    "wrong": "no son correct/no es correct/invalidos/invalidas/non validi/ongeldige/error de autentic/"
    "errore di autentic/erreur d'auth/erro de autentic/falsch eingegeben/fehlerhaft/mal saisi/erron/"
    "failed/fehler beim/wrong/incorrect/unsuccessful/rejected/not accepted/denied/echou/echec/refus/"
    "non valide/invalide/falsch/fehlgeschlagen/ungultig/nicht korrekt/nicht erfolgreich/fallid/fallo/"
    "no valido/no valida/no es valid/errat/non riuscit/non valid/non corrett/fallit/mislukt/onjuist/"
    "ongeldig/incorret/falhou/falha",
    "required": "verlangt/demande /requires/erfordert/requiert/exige/requiere/richiede/requer /demande une/required/"
    "must/needed/requis/obligatoire/necessaire/erforderlich/benotigt/requerid/necesari/obligatori/"
    "richiest/necessari/vereist/nodig/necessaria/exigid",
    "too many": "too many/too much/trop de/zu viele/demasiad/troppi/troppe/te veel/muitas/muitos/excessive/excess of",
    "exceeded": "ubersteigt/uberstieg/excede /supera /sobrepasa/exceed/reached/over the/depasse/atteint/"
    "uberschritten/erreicht/superad/excedid/alcanzad/superat/raggiunt/overschreden/bereikt/excedeu/"
    "atingid",
    "limit": "numero total/nombre total/gesamtsumme/totale dei/totaal aantal/number of/gesamtanzahl/anzahl der/"
    "nombre de/numero de/numero di/aantal/limit/quota/maximum number/threshold/~grenzwert/~limit/"
    "kontingent/seuil/maximale anzahl/nombre maximal/numero maximo/numero massimo/maximumaantal/cota",
    "unavailable": "unavailable/not available/non disponible/temporarily/indisponible/pas disponible/temporairement/"
    "nicht verfugbar/vorubergehend/no disponible/no esta disponible/temporalmente/non disponibile/"
    "non e disponibile/temporaneamente/niet beschikbaar/tijdelijk/indisponivel/temporariamente",
    "unreachable": (
        "d'atteindre/de joindre/nicht erreichen/no se puede alcanzar/impossibile raggiungere/niet bereiken/"
        "unreachable/not reachable/not be reached/not responding/not respond/no response/no answer/"
        "injoignable/inaccessible/ne repond pas/pas de reponse/aucune reponse/nicht erreichbar/"
        "nicht erreicht/antwortet nicht/keine antwort/inalcanzable/no responde/sin respuesta/irraggiungibile/"
        "non risponde/nessuna risposta/onbereikbaar/niet bereikbaar/reageert niet/geen antwoord/inacessivel/"
        "nao responde/sem resposta"
    ),
    "timeout": "zeituberschreitung/zeitlimit uberschritten/delai d'attente/delai depasse/delai expire/"
    "delai d'expiration/temps depasse/tiempo de espera/tempo limite/tempo scaduto/tempo di attesa/"
    "tijdslimiet",
    "account": "account/compte/~konto/~benutzer/cuenta/utente/~gebruiker/conta/usuario/utilisateur",
    "locked": "locked/is disabled/been disabled/suspended/verrouille/desactive/suspendu/gesperrt/deaktiviert/"
    "bloquead/deshabilitad/suspendid/bloccat/disabilitat/sospes/geblokkeerd/uitgeschakeld/desativad",
    "inaccessible": "not be accessed/cannot access/can't access/unable to access/inaccessible/impossible d'acceder/"
    "zugegriffen werden/kein zugriff/no se puede obtener acceso/no se puede acceder/impossibile accedere/"
    "niet toegankelijk/geen toegang/nao e possivel acessar",
    "loop": "loop/boucle/~schleife/bucle/ciclo/lus/laco",
    "reply url": "reply url/redirect uri/redirect_uri/reply address/antwort-url/umleitungs-uri/uri de redirection/"
    "url de reponse/adresse de reponse/url de respuesta/uri de redireccion/uri di reindirizzamento/"
    "url di risposta/omleidings-uri/antwoord-url/uri de redirecionamento/url de resposta",
    "mismatch": "not match/mismatch/not registered/ne correspond/stimmt nicht/stimmen nicht/entspricht nicht/"
    "no coincide/no corresponde/non corrisponde/komt niet overeen/nao corresponde/pas enregistre/"
    "nicht registriert",
    "busy": "busy/overloaded/ausgelastet/uberlastet/occupe/surcharge/ocupado/sobrecargado/occupato/sovraccarico/"
    "bezet/overbelast/sobrecarregado",
    "off": "disabled/not enabled/switched off/turned off/deaktiviert/nicht aktiviert/ausgeschaltet/abgeschaltet/"
    "desactive/deshabilitad/desactivad/disabilitat/disattivat/uitgeschakeld/desabilitad/desativad",
    "later": "try again later/retry later/please try later/try later/reessayez plus tard/reessayer plus tard/"
    "ulterieurement/spater erneut/spater noch einmal/spater wieder/spateren zeitpunkt/mas tarde/"
    "piu tardi/later opnieuw/het later/mais tarde",
    "relay": "relay/relaying/relais/weiterleit/retransmi/inoltro/doorstur/retransmiss",
}

LEXICON: Final[dict[str, tuple[str, ...]]] = {concept: tuple(words.split("/")) for concept, words in _ROWS.items()}
"""Concept -> words."""
