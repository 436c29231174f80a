"""`runner model query` and `runner model list`: KPIs as a table, and what can be asked."""
