"""SQL as text: templates filled in, statements split, SELECTs read and spliced."""
