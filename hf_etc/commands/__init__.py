"""The subcommands of ``hf-etc``, one module each: thin calls of the library."""
