"""Transport: friction surfaces, least-cost distance to storage, routes and cost models."""
