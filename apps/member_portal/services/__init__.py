"""Writes behind the customers' pages, by subject: import the module you need."""
