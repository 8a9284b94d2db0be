"""Commands about secrets; `files` serves configs too."""
