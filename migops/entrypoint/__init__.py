"""What a container does to the schema when it starts, followed in the text of command and scripts. Nothing is run."""
