"""What is chosen of a data product: events, entities, properties."""
