"""How somebody signs in: their password, their second factors, their sessions."""
