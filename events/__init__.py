"""Events: their contract with producers and consumers, the log that stores them, and its database."""
