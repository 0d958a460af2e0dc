"""A removal method on its way from the library to sums of products."""
