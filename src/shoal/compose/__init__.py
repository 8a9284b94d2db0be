"""Compose, pure: text → project → plan. Nothing here reads a file, an environment or a clock.

loading/   text → node tree → interpolated → merged → canonical → validated → normalised → `Project`
project    the nouns: `Project`, `Service`, and (in `parts`) what they are made of
observed   what an engine answered to four list calls, by name
planning/  project and observed state → `Plan`, a DAG of operations of one API call each
"""
