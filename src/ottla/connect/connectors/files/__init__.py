"""Files of any kind, here or in any store: directories read and written, files followed."""
