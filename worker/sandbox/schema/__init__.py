"""The language in which entities are described: properties, and the types of their values."""
