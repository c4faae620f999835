"""The actions of people: one file for each thing that people act on. The command line and the API call these."""
