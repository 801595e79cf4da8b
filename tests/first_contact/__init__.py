"""Small projects in the shapes that public ones have: what their first command says."""
