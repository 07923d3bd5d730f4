"""The parts of other libraries that alertadmin needs and that are not public: one module per library.

No other module of alertadmin imports or overrides such a part; those of mailer and the sandbox stand in the module that
needs them. tests/style/test_private_api.py lists each one, and says for each what to do when an upgrade removes it.
"""
