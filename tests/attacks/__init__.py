"""Regression tests of reported attacks on earlier versions and their variants, by the number of the report."""
