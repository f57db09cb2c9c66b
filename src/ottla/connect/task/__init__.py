"""What runs in the process of a task, and how it speaks with its worker."""
