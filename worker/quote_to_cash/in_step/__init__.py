"""Accounts and their customers kept in step: each field is settled by its rule, and written to the side that lacks it.

meaning   when two values of a field say the same
values    the fields of an account and of a customer, and what QuickBooks can have of the CRM's
settle    settles one field, as a pure function
state     a pair: an account and the customer that belongs to it
folds     folds facts into pairs
rules     yields settled fields, updates of customers and announcements to the CRM
"""
