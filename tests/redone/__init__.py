"""Events and facts of which four kinds of findings follow, in the library and in the browser's script."""
