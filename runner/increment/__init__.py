"""One run, stage by stage: bind, freeze, stage, check, tables, publish, views, scripts."""
