"""Which SELECTs `merge:` may fold: from the batch and the stored row, without reading history."""
