"""Who runs which task: streams groups (KIP-1071), and classic groups with an assignor of our own."""
