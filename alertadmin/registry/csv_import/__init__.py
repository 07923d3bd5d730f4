"""Import of registrations from a CSV file: all rows or none. Each mistake is reported with its line and column.

`csv_reader` reads cells, `row_parser` validates one row, `consistency` finds rows that contradict each other,
`import_state` applies the rows to the stored data in memory, `bulk_writer` writes them to the database.
"""

from alertadmin.registry.csv_import.column_names import COLUMNS
from alertadmin.registry.csv_import.importer import ImportResult, import_registrations
from alertadmin.registry.csv_import.table import NotImported, Remark

__all__ = ["COLUMNS", "ImportResult", "NotImported", "Remark", "import_registrations"]
