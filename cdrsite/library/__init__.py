"""Data shipped with the package: methods, dataset presets, currencies, transport cost models.

Every number is one record with its unit, range, currency year, source and locator (rule 10).
"""
