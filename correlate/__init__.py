"""Pure functions on tables: from signals to causes. Reads no source and no store."""
