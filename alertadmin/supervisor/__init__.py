"""Start and supervise the processes of an installation: data folder, database, broker, worker, web server.

Like the management commands, this package may import every other package of alertadmin, and none imports it.
"""
