"""Import in the browser, in steps: the file, its columns, what its rows would do, the import."""
