"""The five decisions of a person as one plain value, its file and the folders of its runs."""
