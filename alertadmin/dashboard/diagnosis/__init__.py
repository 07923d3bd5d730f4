"""Any pasted error, explained."""
