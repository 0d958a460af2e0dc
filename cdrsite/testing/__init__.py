"""Oracles and balances, for users and for the tests."""
