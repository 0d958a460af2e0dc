"""What is built when: the competition over milestones, each cell still one knapsack."""
