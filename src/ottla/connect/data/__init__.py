"""Connect's data: schemas, structs, logical types, and values that change their type. Pure."""
