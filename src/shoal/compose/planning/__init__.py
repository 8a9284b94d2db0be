"""Planning: project and observed state → operations. One module for each family of commands."""
