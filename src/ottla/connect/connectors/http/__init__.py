"""APIs over HTTP: records sent to one, records asked of one."""
