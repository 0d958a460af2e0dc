"""What methods need, what places offer, and the tonnes that follow."""
