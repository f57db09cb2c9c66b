"""A running topology: tasks, their queues, contexts, punctuators and commits. No sockets, clocks or threads."""
