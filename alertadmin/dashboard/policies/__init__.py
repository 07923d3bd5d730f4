"""How people are reminded: the installation's policy, a tenant's, an app registration's."""
