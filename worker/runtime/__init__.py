"""The parts of every process that do not depend on deals: settings, logs, encryption, serving, watchdog."""
