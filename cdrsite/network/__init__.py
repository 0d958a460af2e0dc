"""Pipelines between plants and storage: problem, tables, fixed-charge design with proven bound."""
