"""The result of a study: its variables, its labelled dataset, its store on disk."""
