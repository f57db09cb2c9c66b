"""What the words of the DSL do to a record: one operator a file or family."""
