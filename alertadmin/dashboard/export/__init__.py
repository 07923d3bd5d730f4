"""Export of lists as CSV, Excel workbook and JSON, with the list's filters and sort."""
