"""Break rules and safeguards of the code one by one, to check that a test or seed notices: `make mutate`."""
