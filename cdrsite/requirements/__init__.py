"""What methods need, what places offer, and the potential that follows."""
