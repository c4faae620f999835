"""Kafka's clients: connection, messages, publisher, topics, offsets."""
