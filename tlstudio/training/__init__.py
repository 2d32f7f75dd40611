"""From a project to a trained run."""
