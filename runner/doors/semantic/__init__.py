"""The semantic layer: events, user properties and KPIs in YAML → a playbook of tables and views, run by the same engine."""
