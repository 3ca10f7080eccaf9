"""The exceptions of the package. The command line turns each into one message and its exit code, without a
traceback.

A message says what is wrong, where (file and line, utterance, key), and what to do about it.
"""


class DadaError(Exception):
    """Something failed while running. Exit code 1."""

    exit_code = 1


class UserError(DadaError):
    """The command, the configuration or the data is wrong, and only the user can mend it. Exit code 2."""

    exit_code = 2


class ConfigError(UserError):
    """A configuration key, type or value is wrong or missing; each argument is the message of one error."""

    def __str__(self) -> str:
        several = f"{len(self.args)} errors in the configuration:\n  " + "\n  ".join(map(str, self.args))
        return several if len(self.args) > 1 else super().__str__()


class DataError(UserError):
    """A data file is missing, malformed, or disagrees with another."""
