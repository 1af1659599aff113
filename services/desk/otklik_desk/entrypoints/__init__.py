"""How people reach the desk: pages, forms, and the files that pages need."""
