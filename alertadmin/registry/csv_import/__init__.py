"""Registrations from a CSV file: all rows or none, each mistake named by line and column.

`table` reads cells, `cells` reads what one row means, `agreeing` sees whether the rows contradict each other, `book`
applies them to what is stored, `writing` brings it into the database.
"""

from alertadmin.registry.csv_import.csv_reader import COLUMNS, NotImported, Remark
from alertadmin.registry.csv_import.importer import Imported, import_registrations

__all__ = ["COLUMNS", "Imported", "NotImported", "Remark", "import_registrations"]
