"""Text that a database's driver gives as bytes or as it is."""


def text_of(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
