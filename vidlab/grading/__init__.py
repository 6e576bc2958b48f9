"""Homework: handed out, collected, graded and given back. Nothing else of vidlab imports this package.

No grade comes from a process that runs a student's code. That code runs in a jail (`jail`, `inmate`); what it computes
comes back as numbers (`messages`, `wire`); and the instructor's check cells run outside, against stand-ins for the
student's functions (`remote`, `examine`).
"""
