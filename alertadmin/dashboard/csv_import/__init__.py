"""A CSV file brought by a browser: the same import as the command's, all or nothing."""
