"""The event log: appending, reading, subscriptions, dead letters, Kafka's offsets."""
