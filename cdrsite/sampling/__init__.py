"""How sure a plan is: its uncertain numbers and their laws, samples of them, and how it moves."""
