"""What browsers are served: templates, styles, scripts and words. `api.http.pages` serves them."""
