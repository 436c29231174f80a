"""Models of the kinds that public dbt packages have, written anew over event streams: what the rule says of each."""
