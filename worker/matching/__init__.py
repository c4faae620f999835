"""The matcher: which customer of QuickBooks an account of the CRM could be, by names and identifiers.

It is pure: no clock, no database, no network, and the same answer in every process.

    words, form_table    the tables: common words, abbreviations, legal forms
    legal_forms          sets legal forms aside, and tells whether those of two names agree
    numbers              reads numbers in digits, in words and in Roman numerals
    names                reads a name: folded, without its legal forms
    likeness             features of two names
    calibration          turns features into a score: the probability that the names are of one company
    identifiers          tax IDs, domains, e-mail addresses, phone numbers
    postings             finds the names that share letters with a name
    suggestions          the answer's shapes, and the verdict: link, review or none
    index                the customers of a company; changes one at a time
    duplicates           customers of one company that are probably one
    product_names        reads the name of a product
    products             the same for items
"""

# Rises with every change that can change a score, a reason or a verdict, so that a stored suggestion names its matcher.
MATCHER_VERSION = 4
