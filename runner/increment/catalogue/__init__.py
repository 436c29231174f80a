"""What needs the catalogue: names resolved, the rule asked with every column known, functions and views that models read."""
