"""Registrations from a CSV file: all rows or none, each mistake named by line and column.

`table` reads cells, `cells` reads what one row means, `writing` brings the rows into the database.
"""

from alertadmin.registry.importing.table import COLUMNS, Mistake, NotImported
from alertadmin.registry.importing.writing import Imported, import_registrations

__all__ = ["COLUMNS", "Imported", "Mistake", "NotImported", "import_registrations"]
