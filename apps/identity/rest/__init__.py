"""What every app's `api.py` is made of: the REST framework's parts, the way Plimsoll uses them.

problems      errors as problem+json (RFC 9457) that name the field and the mend
paging        pages with a total count
lists         the pages' filters and orders, and an error for a name that is none
scopes        what a token may do at most
parsers       JSON that is not nested too deeply
idempotency   Idempotency-Key: a write that is sent twice is done once
views         the base view sets

It stands in `identity` because every app that has an API stands above it.
"""
