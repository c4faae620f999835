"""The peers, each as a process that speaks JSON lines; they run in an environment of their own."""
