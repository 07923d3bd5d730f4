"""Views, forms and URLs of all pages; one package per area."""
