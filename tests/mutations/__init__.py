"""Rules and safeguards of the code broken one by one, to see that something notices: `make mutate`."""
