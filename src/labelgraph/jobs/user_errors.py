"""Errors that a user can do something about: they end in one sentence, others in a traceback.

Both the process server and steps import this file, so that steps need not import the server.
"""

USER_ERRORS = (ValueError, OSError, FloatingPointError)
NO_SHARED_MEMORY = "no shared memory"  # the error starts with this; shortages.py adds what helps
