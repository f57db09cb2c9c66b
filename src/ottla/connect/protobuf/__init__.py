"""Connect's data as messages of Protobuf, and back."""
