"""Workers of one group: who does what, what they keep in topics, how they reach each other."""
