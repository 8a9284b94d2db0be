"""Commands about services; `tasks` and `progress` serve stacks too."""
