"""What a task remembers: the kinds of stores, their byte formats, caches and changelogs."""
