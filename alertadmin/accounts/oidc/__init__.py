"""Signing in elsewhere: OpenID Connect providers, Entra first, that whoever runs the installation names in a file.

`file` reads it, `known` keeps what it says, `protocol` is what django-allauth leaves to us of OpenID Connect, `claims`
says who somebody is by what their provider tells of them, `granting` turns their groups into roles, `adapter` decides
who comes in.
"""
