"""The run-time type checker of the unit tests: beartype, but an int is accepted where a float is wanted (PEP 484)."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
