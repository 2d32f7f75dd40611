"""Where jobs run: in an engine process or in a thread."""
