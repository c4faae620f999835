"""Reading the books: QuickBooks' query language, and the changes since an instant."""
