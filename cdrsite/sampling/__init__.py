"""How sure a plan is: its uncertain numbers, and how it moves with them."""
