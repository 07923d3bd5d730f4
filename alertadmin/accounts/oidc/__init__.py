"""OpenID Connect sign-in, with providers (Entra first) that the operator lists in a file.

`config_file` reads the file, `provider_registry` caches it, `client` completes django-allauth's protocol, `claims`
reads the ID token's claims, `group_roles` maps groups to roles, `adapter` accepts or refuses the sign-in.
"""
