"""The command line. Commands import what they need when they run, so help comes at once."""
