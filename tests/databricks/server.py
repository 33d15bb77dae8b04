"""A Databricks SQL warehouse on the loopback address, as far as its Thrift protocol goes.

What a statement returns is up to the function that the server is given, and so is the answer of a REST route. The rows of an
answer are made when a client fetches them, so that a large result is never held here; faults of the network can be put before or
after any call.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import TCLIService
from databricks.sql.thrift_api.TCLIService import ttypes as thrift
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

PATH = "/sql/1.0/warehouses/fake"
_PROTOCOL = thrift.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7
_FINISHED = thrift.TOperationState.FINISHED_STATE

_TYPES: tuple[tuple[Callable[[pa.DataType], bool], int], ...] = (
    (pa.types.is_boolean, thrift.TTypeId.BOOLEAN_TYPE),
    (pa.types.is_int8, thrift.TTypeId.TINYINT_TYPE),
    (pa.types.is_int16, thrift.TTypeId.SMALLINT_TYPE),
    (pa.types.is_int32, thrift.TTypeId.INT_TYPE),
    (pa.types.is_int64, thrift.TTypeId.BIGINT_TYPE),
    (pa.types.is_float32, thrift.TTypeId.FLOAT_TYPE),
    (pa.types.is_float64, thrift.TTypeId.DOUBLE_TYPE),
    (pa.types.is_decimal, thrift.TTypeId.DECIMAL_TYPE),
    (pa.types.is_date, thrift.TTypeId.DATE_TYPE),
    (pa.types.is_timestamp, thrift.TTypeId.TIMESTAMP_TYPE),
    (pa.types.is_binary, thrift.TTypeId.BINARY_TYPE),
    (pa.types.is_list, thrift.TTypeId.ARRAY_TYPE),
    (pa.types.is_map, thrift.TTypeId.MAP_TYPE),
    (pa.types.is_struct, thrift.TTypeId.STRUCT_TYPE),
    (pa.types.is_null, thrift.TTypeId.NULL_TYPE),
)


class StatementFailedError(Exception):
    """What an answering function raises for a statement that the warehouse refuses."""


@dataclass(frozen=True)
class Statement:
    """A statement as it arrived; its parameters by name, each as (type, text)."""

    text: str
    parameters: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Rows:
    """The answer to a statement: its columns, its rows in batches made when asked for, and for how long it runs.

    `thrift_types` are the types of columns whose Arrow type does not tell, such as intervals.
    """

    schema: pa.Schema
    batches: Iterable[pa.RecordBatch] = ()
    seconds: float = 0.0
    thrift_types: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pa.Table) -> Rows:
        """The rows of a table."""
        return cls(table.schema, table.to_batches())


@dataclass(frozen=True)
class Fault:
    """What happens to a call: `drop` before it is carried out, `lose` its answer, `cut` its answer in half, or `stall` it.

    A `refuse`d call is answered with the HTTP status.
    """

    kind: Literal["drop", "lose", "cut", "stall", "refuse"]
    seconds: float = 0.0
    status: int = 503


Answer = Callable[[Statement], Rows]
FaultOf = Callable[[str, int], Fault | None]
"""The fault of a method's n-th call, counted from 1."""
Rest = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
"""The answer of a REST route to its parameters; None if there is no such route."""


class _Operation:
    """A statement that runs, or has run: its answer or failure, and how far its rows have been fetched."""

    def __init__(self, statement: Statement, answer: Answer) -> None:
        self.identifier = thrift.THandleIdentifier(guid=uuid.uuid4().bytes, secret=uuid.uuid4().bytes)
        self.failure = ""
        self.rows = Rows(pa.schema([]))
        self.is_canceled = False
        self.offset = 0
        try:
            self.rows = answer(statement)
        except StatementFailedError as error:
            self.failure = str(error)
        self._ends = time.monotonic() + self.rows.seconds
        self._batches: Iterator[pa.RecordBatch] = iter(self.rows.batches)
        self._next: pa.RecordBatch | None = None

    @property
    def handle(self) -> Any:
        kind = thrift.TOperationType.EXECUTE_STATEMENT
        return thrift.TOperationHandle(operationId=self.identifier, operationType=kind, hasResultSet=True)

    def status(self) -> Any:
        states = thrift.TOperationState
        if self.failure:
            trace = (
                f"org.apache.spark.sql.AnalysisException: {self.failure}\n\tat org.apache.spark.Fake.run(Fake.scala:1)"
            )
            return thrift.TGetOperationStatusResp(
                status=_success(),
                operationState=states.ERROR_STATE,
                errorMessage=trace,
                displayMessage=self.failure,
                diagnosticInfo=trace,
            )
        # A client asks again at once: the server is who waits.
        time.sleep(max(0.0, min(0.1, self._ends - time.monotonic())))
        is_running = not self.is_canceled and time.monotonic() < self._ends
        state = states.CANCELED_STATE if self.is_canceled else states.RUNNING_STATE if is_running else _FINISHED
        return thrift.TGetOperationStatusResp(status=_success(), operationState=state)

    def metadata(self) -> Any:
        return thrift.TGetResultSetMetadataResp(
            status=_failure("the operation was canceled") if self.is_canceled else _success(),
            schema=_table_schema(self.rows),
            resultFormat=thrift.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=self.rows.schema.serialize().to_pybytes(),
            isStagingOperation=False,
        )

    def fetch(self, max_rows: int) -> Any:
        """The next batch, at most `max_rows` of it."""
        batch = self._next if self._next is not None else next(self._batches, None)
        arrow_batches, self._next = [], None
        start = self.offset
        if batch is not None:
            sent = batch.slice(0, max_rows)
            arrow_batches = [thrift.TSparkArrowBatch(batch=sent.serialize().to_pybytes(), rowCount=sent.num_rows)]
            self.offset += sent.num_rows
            rest = batch.slice(max_rows)
            self._next = rest if rest.num_rows else next(self._batches, None)
        return thrift.TFetchResultsResp(
            status=_success(),
            hasMoreRows=self._next is not None,
            results=thrift.TRowSet(startRowOffset=start, rows=[], arrowBatches=arrow_batches),
            resultSetMetadata=self.metadata(),
        )


class _Service(TCLIService.Iface):  # type: ignore[misc]
    """The calls of the protocol that clients of queries make."""

    def __init__(self, warehouse: FakeWarehouse) -> None:
        self._warehouse = warehouse
        self._operations: dict[bytes, _Operation] = {}

    def OpenSession(self, req: Any) -> Any:  # noqa: N802
        identifier = thrift.THandleIdentifier(guid=uuid.uuid4().bytes, secret=uuid.uuid4().bytes)
        return thrift.TOpenSessionResp(
            status=_success(),
            serverProtocolVersion=_PROTOCOL,
            sessionHandle=thrift.TSessionHandle(sessionId=identifier, serverProtocolVersion=_PROTOCOL),
            configuration={},
            initialNamespace=req.initialNamespace,
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, req: Any) -> Any:  # noqa: N802
        return thrift.TCloseSessionResp(status=_success())

    def ExecuteStatement(self, req: Any) -> Any:  # noqa: N802
        parameters = {each.name: (each.type, each.value.stringValue) for each in req.parameters or ()}
        statement = Statement(req.statement, parameters)
        self._warehouse.statements.append(statement)
        operation = _Operation(statement, self._warehouse.answer)
        self._operations[operation.identifier.guid] = operation
        direct = self._direct_results(operation, req.getDirectResults) if req.getDirectResults else None
        return thrift.TExecuteStatementResp(status=_success(), operationHandle=operation.handle, directResults=direct)

    def _direct_results(self, operation: _Operation, wanted: Any) -> Any:
        """What a client that asks for it is told at once: at least the state, and of a finished statement its first rows."""
        status = operation.status()
        if status.operationState != _FINISHED:
            return thrift.TSparkDirectResults(operationStatus=status)
        found = operation.fetch(wanted.maxRows)
        return thrift.TSparkDirectResults(
            operationStatus=status,
            resultSetMetadata=operation.metadata(),
            resultSet=found,
            closeOperation=None if found.hasMoreRows else thrift.TCloseOperationResp(status=_success()),
        )

    def GetOperationStatus(self, req: Any) -> Any:  # noqa: N802
        return self._operation(req).status()

    def GetResultSetMetadata(self, req: Any) -> Any:  # noqa: N802
        return self._operation(req).metadata()

    def FetchResults(self, req: Any) -> Any:  # noqa: N802
        return self._operation(req).fetch(req.maxRows)

    def CancelOperation(self, req: Any) -> Any:  # noqa: N802
        self._operation(req).is_canceled = True
        return thrift.TCancelOperationResp(status=_success())

    def CloseOperation(self, req: Any) -> Any:  # noqa: N802
        self._operations.pop(req.operationHandle.operationId.guid, None)
        return thrift.TCloseOperationResp(status=_success())

    def _operation(self, req: Any) -> _Operation:
        return self._operations[req.operationHandle.operationId.guid]


class FakeWarehouse:
    """The server; `with FakeWarehouse(answer) as warehouse` serves at `warehouse.url` until the block ends.

    `calls` are the methods in the order of their arrival, `statements` what was to be run, `tokens` what callers
    showed for themselves.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        fault_of: FaultOf = lambda method, number: None,
        rest: Rest = lambda path, parameters: None,
    ) -> None:
        self.answer = answer
        self.fault_of = fault_of
        self.rest = rest
        self.calls: list[str] = []
        self.statements: list[Statement] = []
        self.tokens: set[str] = set()
        self._processor = TCLIService.Processor(_Service(self))
        self._http = _Server(self)

    @property
    def url(self) -> str:
        """The host as `DATABRICKS_HOST` names it."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    def environment(self, token: str = "token") -> dict[str, str]:
        """The variables that name this warehouse."""
        return {"DATABRICKS_HOST": self.url, "DATABRICKS_TOKEN": token, "DATABRICKS_HTTP_PATH": PATH}

    def __enter__(self) -> FakeWarehouse:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def process(self, body: bytes) -> bytes:
        """The answer to a call, both as Thrift writes them."""
        answer = TMemoryBuffer()
        self._processor.process(TBinaryProtocol(TMemoryBuffer(body)), TBinaryProtocol(answer))
        return bytes(answer.getvalue())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, warehouse: FakeWarehouse) -> None:
        self.warehouse = warehouse
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no matter of the server's."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if "well-known" in self.path:
            self._reply(b"{}")
        else:
            self._reply_rest(url.path, dict(parse_qsl(url.query)))

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        warehouse = self.server.warehouse
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/api/"):
            self._reply_rest(self.path, json.loads(body or b"{}"))
            return
        method, _, _ = TBinaryProtocol(TMemoryBuffer(body)).readMessageBegin()
        warehouse.calls.append(method)
        warehouse.tokens.add(self.headers.get("Authorization", ""))
        match warehouse.fault_of(method, warehouse.calls.count(method)):
            case Fault("drop"):
                self.close_connection = True
            case Fault("lose"):
                warehouse.process(body)
                self.close_connection = True
            case Fault("cut"):
                self._reply(warehouse.process(body), is_cut=True)
            case Fault("stall", seconds):
                time.sleep(seconds)
                self._reply(warehouse.process(body))
            case Fault("refuse", status=status):
                self._reply(b"refused", status=status)
            case None:
                self._reply(warehouse.process(body))

    def _reply_rest(self, path: str, parameters: Mapping[str, Any]) -> None:
        found = self.server.warehouse.rest(path, parameters)
        status = 404 if found is None else 200
        self._reply(json.dumps(found or {}).encode(), status=status, content_type="application/json")

    def _reply(
        self, body: bytes, *, status: int = 200, is_cut: bool = False, content_type: str = "application/x-thrift"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)
        self.close_connection = self.close_connection or is_cut


def _success() -> Any:
    return thrift.TStatus(statusCode=thrift.TStatusCode.SUCCESS_STATUS)


def _failure(message: str) -> Any:
    return thrift.TStatus(statusCode=thrift.TStatusCode.ERROR_STATUS, errorMessage=message)


def _table_schema(rows: Rows) -> Any:
    return thrift.TTableSchema(
        [
            thrift.TColumnDesc(columnName=column.name, typeDesc=_type_description(column, rows), position=number)
            for number, column in enumerate(rows.schema, start=1)
        ]
    )


def _type_description(column: pa.Field, rows: Rows) -> Any:
    found = next((kind for is_kind, kind in _TYPES if is_kind(column.type)), thrift.TTypeId.STRING_TYPE)
    qualifiers = None
    if pa.types.is_decimal(column.type):
        digits = {"precision": column.type.precision, "scale": column.type.scale}
        values = {name: thrift.TTypeQualifierValue(i32Value=value) for name, value in digits.items()}
        qualifiers = thrift.TTypeQualifiers(values)
    kind = rows.thrift_types.get(column.name, found)
    entry = thrift.TPrimitiveTypeEntry(type=kind, typeQualifiers=qualifiers)
    return thrift.TTypeDesc([thrift.TTypeEntry(primitiveEntry=entry)])
