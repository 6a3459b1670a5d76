"""The screens: which panes they have, and the questions that may stand over them."""
