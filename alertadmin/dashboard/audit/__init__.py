"""The audit trail: who did what, to be searched and taken along."""
