"""Every error this package raises on purpose.

* NovaTimelineError
  x IncidentFileError (ValueError)
  x ConnectorError
    + UnknownConnectorError (LookupError)
    + OptionError (ValueError)
    + UnreadableSourceError (OSError)
    + MissingExtraError (ImportError)
    + SchemaError (TypeError)
  x KnowledgeError (ValueError)
  x RunError
    + RunFolderError (OSError)
    + UnknownMomentError (LookupError)
    + QueryError (ValueError)
  x EngineError (RuntimeError)
    + WorkerLostError
  x TransientError

All of them can be pickled, so that one that is raised in another process arrives as it left.
"""

import errno
from collections.abc import Iterable

_PASSING = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOBUFS,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
"""What the system says of a file or a peer that may well answer a moment later."""


class NovaTimelineError(Exception):
    """Base of every error below; catch this one at the edge."""


class IncidentFileError(NovaTimelineError, ValueError):
    """The incident file says something that cannot be carried out."""


class ConnectorError(NovaTimelineError):
    """A source could not be read as the connector understands it."""


class UnknownConnectorError(ConnectorError, LookupError):
    """No connector has that name."""


class OptionError(ConnectorError, ValueError):
    """A source carries an option its connector does not take, or a value it cannot use."""


class UnreadableSourceError(ConnectorError, OSError):
    """The bytes are not there, or not of that format."""


class MissingExtraError(ConnectorError, ImportError):
    """Something asked for needs a library that is installed with an extra."""


class SchemaError(ConnectorError, TypeError):
    """A table does not have the columns it must have."""


class KnowledgeError(NovaTimelineError, ValueError):
    """A rule pack says something the classifier cannot carry out."""


class RunError(NovaTimelineError):
    """A run could not be written, read or asked."""


class RunFolderError(RunError, OSError):
    """The folder is not a finished run, or cannot be written."""


class UnknownMomentError(RunError, LookupError):
    """The run has no moment, or cause, of that name."""


class QueryError(RunError, ValueError):
    """DuckDB refused the query."""


class EngineError(NovaTimelineError, RuntimeError):
    """The workers could not be started, joined or kept."""


class WorkerLostError(EngineError):
    """A worker ended before its task was done, more often than is tried again."""


class TransientError(NovaTimelineError):
    """Something failed that may work a moment later; the engine tries it again."""


def is_transient(error: BaseException) -> bool:
    """Say whether the same call may succeed a moment later."""
    return isinstance(error, TransientError) or (
        isinstance(error, OSError)
        and (error.errno in _PASSING or isinstance(error, (ConnectionError, TimeoutError)))
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` when a known word is near, else what words there are."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(names)}" if names else ""
