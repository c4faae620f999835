"""Suggest for each account the QuickBooks customer that it could be, and again when another one is more likely.

tables      accounts with their suggestions, companies, and customers that have changed
entries     an account: who it is, what people decided, and its last suggestion
listening   the subscription: keeps the tables, and notes what is due
indexes     the customers and accounts of a few companies, in memory
portions    compares what is due, a portion in a transaction
"""
