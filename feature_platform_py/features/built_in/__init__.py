"""The transformers of the package, as a project has its own in `transformers/`: each class of a module here is one."""
