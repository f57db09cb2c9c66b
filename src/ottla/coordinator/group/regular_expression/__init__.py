"""Regular expressions of subscriptions: RE2's syntax and linear time, over the letters of topic names (KIP-848)."""
