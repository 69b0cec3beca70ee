"""Pictures decoded once and brought to one shape, kept in the cache, and mapped into memory."""
