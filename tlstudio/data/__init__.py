"""From a folder of files to labelled pictures as arrays."""
