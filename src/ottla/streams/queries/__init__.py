"""Interactive queries of both versions: what may be asked of stores, and how they answer; without threads or clocks."""
