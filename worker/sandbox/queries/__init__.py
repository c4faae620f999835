"""Reading the books: QuickBooks' query language, and what changed since an instant."""
