"""Import of registrations from a table: CSV, an Excel workbook or JSON. Each mistake is reported with line and column.

`table_reader` reads a file of any format (`csv_reader`, `xlsx_reader`, `json_reader`), `header` says what its columns
are, `row_parser` validates one row, `consistency` finds rows that contradict each other, `import_state` applies rows to
the stored data in memory, `bulk_writer` writes them to the database; `batch` does this for some tenants, `importer` for
the file.
"""

from alertadmin.registry.csv_import.column_names import COLUMNS
from alertadmin.registry.csv_import.importer import ImportResult, import_registrations
from alertadmin.registry.csv_import.options import ImportOptions
from alertadmin.registry.csv_import.table import NotImported, Remark

__all__ = ["COLUMNS", "ImportOptions", "ImportResult", "NotImported", "Remark", "import_registrations"]
