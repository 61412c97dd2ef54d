"""The nouns of parsim: units, errors, clusters, task graphs, jobs and timelines."""
