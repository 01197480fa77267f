"""One file per resource; a view is parse -> call -> answer."""
