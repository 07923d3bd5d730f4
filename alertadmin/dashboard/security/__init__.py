"""Pages of a user's login methods: password, second factors, sessions."""
