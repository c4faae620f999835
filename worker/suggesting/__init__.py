"""Suggest the customer that an account could be and the item that a product could be, and again when another is more likely.

tables      accounts and products with their suggestions, companies, and customers and items that have changed
entries     an account or a product: who it is, what people decided, and its last suggestion
pairing     customers with accounts, or items with products, in memory
accounts    an account, and the folds of its events
account_pairing  the pairing of accounts
products    the pairing of products
kinds       both, by their names
listening   the subscription: keeps the tables, and notes what is due
indexes     the pairings of a few companies, in memory
unheard     what happened that the subscription has not handled yet
answering   the answers to requests to compare an account or a product once more
unowned     customers that may belong to no account, and that may be offered to the CRM
portions    compares what is due, a portion in a transaction
"""
