"""What software says when something happens to it, by language and by the store it talks to.

A family is what happened; its text is the one that the runtime, driver or server prints. ``about``
fills the places: ``callee``, ``address``, ``path``, ``ms``, ``seconds``, ``field``, ``cls``,
``verb``, ``n``, ``pool``, ``id``, ``org``, ``service``, ``user``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUG = {
    "java": 'java.lang.NullPointerException: Cannot invoke "String.trim()" because "{field}" is '
    "null\n\tat com.{org}.{service}.{cls}.{verb}({cls}.java:{n})\n\tat "
    "com.{org}.{service}.Api.{path}(Api.java:88)",
    "python": 'Traceback (most recent call last):\n  File "/app/{service}/{cls}.py", line {n}, in '
    "{verb}\n    value = body[\"{field}\"]\nKeyError: '{field}'",
    "go": "panic recovered in handler /v1/{path}: runtime error: invalid memory address or nil "
    "pointer dereference; {service}.(*{cls}).{verb} {cls}.go:{n}",
    "node": "TypeError: Cannot read properties of undefined (reading '{field}')\n    at "
    "{cls}.{verb} (/app/dist/{cls}.js:{n}:17)",
    "dotnet": "System.NullReferenceException: Object reference not set to an instance of an object."
    "\n   at {org}.{service}.{cls}.{verb}(Request r) in {cls}.cs:line {n}",
}
_PARSE = {
    "java": "com.fasterxml.jackson.core.JsonParseException: Unexpected character ('<' (code "
    "60)) in "
    "record {id}: expected a valid value",
    "python": "could not process record {id}: json.decoder.JSONDecodeError: Expecting "
    "value: line 1 "
    "column {n} (char {n})",
    "go": "record {id} rejected: json: cannot unmarshal string into Go struct field {cls}.{field} "
    "of type float64",
    "node": "SyntaxError: Unexpected token < in JSON at position {n} (record {id})",
    "dotnet": "System.FormatException: Input string was not in a correct format: field "
    "'{field}' of "
    "record {id}",
}
_TIMEOUT = {
    "java": "java.net.SocketTimeoutException: Read timed out: POST "
    "http://{address}/v1/{path} after "
    "{ms} ms",
    "python": "requests.exceptions.ReadTimeout: HTTPConnectionPool(host='{address}', port=8080): "
    "Read timed out. (read timeout={seconds})",
    "go": 'Post "http://{address}/v1/{path}": context deadline exceeded (Client.Timeout exceeded '
    "while awaiting headers)",
    "node": "AxiosError: timeout of {ms}ms exceeded: POST http://{address}/v1/{path}",
    "dotnet": "System.Threading.Tasks.TaskCanceledException: The request was canceled due to the "
    "configured HttpClient.Timeout of {seconds} seconds elapsing: http://{address}/v1/{path}",
}
_REFUSED = {
    "java": "java.net.ConnectException: Connection refused: {address}:8080",
    "python": "urllib3.exceptions.NewConnectionError: Failed to establish a new connection to "
    "{address}:8080: [Errno 111] Connection refused",
    "go": "dial tcp {address}:8080: connect: connection refused",
    "node": "Error: connect ECONNREFUSED {address}:8080",
    "dotnet": "System.Net.Http.HttpRequestException: Connection refused ({address}:8080)",
}
_CONNECT_TIMEOUT = {
    "java": "java.net.SocketTimeoutException: Connect timed out: {address}",
    "python": "ConnectTimeoutError: Connection to {address} timed out. (connect timeout=3)",
    "go": "dial tcp {address}: i/o timeout",
    "node": "Error: connect ETIMEDOUT {address}",
    "dotnet": "System.Net.Sockets.SocketException (110): Connection timed out ({address})",
}
_UNREACHABLE = {
    "java": "java.net.NoRouteToHostException: No route to host: {address}",
    "python": "OSError: [Errno 113] No route to host: {address}:8080",
    "go": "dial tcp {address}:8080: connect: no route to host",
    "node": "Error: connect EHOSTUNREACH {address}:8080",
    "dotnet": "System.Net.Sockets.SocketException (113): No route to host ({address}:8080)",
}
_DNS = {
    "java": "java.net.UnknownHostException: {address}: Temporary failure in name resolution",
    "python": "socket.gaierror: [Errno -3] Temporary failure in name resolution: {address}",
    "go": "dial tcp: lookup {address} on 10.0.0.2:53: server misbehaving",
    "node": "Error: getaddrinfo EAI_AGAIN {address}",
    "dotnet": "System.Net.Http.HttpRequestException: This is usually a temporary error during "
    "hostname resolution and means that the local server did not receive a response from an "
    "authoritative server. ({address}:8080)",
}
_TLS = {
    "java": "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: "
    "java.security.cert.CertPathValidatorException: validity check failed: "
    "CertificateExpiredException ({address})",
    "python": "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
    "failed: certificate has expired (_ssl.c:1006): {address}",
    "go": "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: "
    "{address}",
    "node": "Error: certificate has expired (CERT_HAS_EXPIRED): {address}",
    "dotnet": "System.Security.Authentication.AuthenticationException: The remote certificate is "
    "invalid because of errors in the certificate chain: NotTimeValid ({address})",
}
_POOL = {
    "java": "HikariPool-1 - Connection is not available, request timed out after 3000ms "
    "(total={pool}, active={pool}, idle=0, waiting={n})",
    "python": "sqlalchemy.exc.TimeoutError: QueuePool limit of size {pool} overflow 0 reached, "
    "connection timed out, timeout 3.00",
    "go": "pgxpool: acquire: context deadline exceeded (max_conns={pool})",
    "node": "KnexTimeoutError: Knex: Timeout acquiring a connection. The pool is probably full.",
    "dotnet": "System.InvalidOperationException: Timeout expired. The timeout period elapsed prior "
    "to obtaining a connection from the pool; all pooled connections were in use.",
}
_BY_LANGUAGE: Mapping[str, Mapping[str, str]] = {
    "bug": _BUG, "parse": _PARSE, "timeout": _TIMEOUT, "refused": _REFUSED, "tls": _TLS,
    "connect_timeout": _CONNECT_TIMEOUT, "unreachable": _UNREACHABLE, "dns": _DNS, "pool": _POOL,
}  # fmt: skip
_PLAIN: Mapping[str, str] = {
    "upstream": "{callee} answered {code} to POST /v1/{path}",
    "outside": "POST https://{address}/v1/{path} answered {code}",
    "shed": "too many requests in flight, answering 503 to /v1/{path}",
    "gave_up": "request {id} to /v1/{path} failed after {ms} ms: {why}",
    "auth": "connection to {address} failed: FATAL: password authentication failed for user "
    '"{user}"',
    "sql.disk": 'ERROR: could not extend file "base/16401/{n}7": No space left on device '
    "(SQLSTATE 53100)",
    "sql.statement": "ERROR: canceling statement due to statement timeout (SQLSTATE 57014)",
    "sql.clients": "FATAL: sorry, too many clients already (SQLSTATE 53300)",
    "sql.refused": "connection to {address}:5432 failed: Connection refused",
    "sql.timeout": "query on {address} canceled after {ms} ms: context deadline exceeded",
    "sql.other": 'ERROR: duplicate key value violates unique constraint "{field}s_pkey" '
    "(SQLSTATE 23505)",
    "db.disk": 'could not extend file "base/16401/{n}7": No space left on device',
    "db.statement": "canceling statement due to statement timeout",
    "db.clients": "sorry, too many clients already",
    "db.slow": "duration: {ms}.{n} ms  execute <unnamed>: SELECT * FROM {field}s WHERE id = "
    "ANY($1)",
}
BACKGROUND: tuple[tuple[str, str], ...] = (
    ("ERROR", "client closed the connection before the answer to /v1/{path} was written"),
    ("ERROR", "request {id} rejected: {field} is not valid"),
    ("WARN", "token of session {id} has expired, asking the client to sign in again"),
    ("WARN", "slow request: /v1/{path} took {ms} ms"),
    ("ERROR", "could not write {field} of {id}: version conflict, retrying"),
    ("WARN", "cache entry {id} could not be decoded, loading it again"),
    ("ERROR", "webhook {id} was answered 410 by its receiver"),
)
"""Level and text of what goes wrong on any service on any day."""
OF_A_STORE: tuple[tuple[str, str], ...] = (
    ("INFO", "could not send data to client: Connection reset by peer"),
    *[("ERROR", 'duplicate key value violates unique constraint "{field}s_pkey"')] * 5,
    *[("INFO", "automatic vacuum of table app.public.{field}s: index scans: 1")] * 3,
    ("ERROR", "canceling statement due to user request"),
    ("ERROR", 'invalid input syntax for type uuid: "{id}"'),
    ("ERROR", "deadlock detected"),
)
"""The same for a database."""
USUAL: tuple[str, ...] = (
    "POST /v1/{path} 200 in {ms} ms",
    "{verb} of {field} done for {id}",
    "loaded {n} {field} entries",
    "heartbeat ok, {n} requests in flight",
)


def text(family: str, language: str, about: Mapping[str, str]) -> str:
    """Write what a family says in a language; a family that has one text for all ignores it."""
    form = _BY_LANGUAGE[family][language] if family in _BY_LANGUAGE else _PLAIN[family]
    return form.format_map(about)
