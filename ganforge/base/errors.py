"""The two exceptions that mean something to the person at the keyboard."""


class UserError(ValueError):
    """Something that the user gave is wrong.

    The message is one sentence (or two): what is wrong, where, and what to do. The command line prints it
    and exits with status 2, without a traceback.
    """


class RunError(RuntimeError):
    """A run could not go on: its numbers are no longer finite, or it could not be saved.

    The message says what happened, what is safe, and how to go on. The command line prints it and exits with status 1.
    """
