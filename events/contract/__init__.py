"""The contract with producers and consumers: the types of events, their data, and their decoding."""
