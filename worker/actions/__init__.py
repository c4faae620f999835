"""What people do, one file a thing acted on. The command line and the API call these and nothing else."""
