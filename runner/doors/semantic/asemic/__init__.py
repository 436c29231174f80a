"""The vendor's command line, `asemic-cli`: its words over the commands of the semantic layer, and its generators."""
