"""Consumer groups (KIP-848): one file a transition, in the shape of the classic groups beside it."""
