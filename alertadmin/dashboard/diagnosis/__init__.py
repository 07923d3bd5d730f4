"""Diagnosis of pasted error texts."""
