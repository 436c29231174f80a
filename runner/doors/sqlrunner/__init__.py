"""The drop-in for Snowplow's SQL Runner: its playbooks, its Go templates and its functions, as they are."""
