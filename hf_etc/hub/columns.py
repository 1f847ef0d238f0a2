"""What lies inside of a table: every value of every column, however it is encoded, and all metadata."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 1000
_BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
_TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


class Cell(bytes):
    """A binary value of a column. It may be a file; its text is searched with that of its neighbours, not by itself."""


class Cells(bytes):
    """All binary values of a column: to be searched for text, as each comes as a file of its own."""


@dataclass(frozen=True)
class Values:
    """Values of one column.

    Attributes:
        together: texts on lines of their own, numbers as in memory.
        cells: binary values.
        each: the same one by one.
        pixels: whether they are arrays that may be pixels: bytes in two or more dimensions, numbers in three or more.
    """

    together: bytes
    cells: Cells = field(default_factory=Cells)
    each: tuple[Cell, ...] = ()
    pixels: bool = False


def is_table(name: str, data: Any) -> bool:
    """Whether a file is one that `read_table` reads."""
    return data[:4] == b"PAR1" or data[:6] == b"ARROW1" or name.lower().endswith(".arrow")


def read_table(data: Any) -> Iterator[tuple[str, Values]]:
    """Name and values of each part of a parquet or Arrow file: its metadata, and columns by batches of rows.

    Raises:
        pyarrow.ArrowException: damaged. Nothing in an Arrow file is touched before Arrow has validated every offset in
            it, as following a wrong one ends the process.
    """
    source = pa.BufferReader(data)
    if data[:4] == b"PAR1":
        table = pq.ParquetFile(source)
        metadata, schema, batches = table.metadata.metadata, table.schema_arrow, table.iter_batches(_ROWS)
    elif data[:6] == b"ARROW1":
        reader = pa.ipc.open_file(source)
        metadata, schema = getattr(reader, "metadata", None), reader.schema
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
    else:
        stream = pa.ipc.open_stream(source)
        metadata, schema, batches = None, stream.schema, iter(stream)
    yield "metadata", Values(b"\n".join(_metadata(metadata, schema)))
    start = 0
    for batch in batches:
        batch.validate(full=True)
        yield from ((f"column {name}, from row {start}", values) for name, values in columns(batch))
        start += len(batch)


def columns(batch: pa.Table | pa.RecordBatch) -> Iterator[tuple[str, Values]]:
    """Name and values of each column, of its own rows alone even where it is part of a larger table."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        leaves = [leaf for chunk in chunks for leaf in _leaves(chunk)]
        texts = (value.encode() for leaf in leaves if _is(leaf, _TEXT) for value in leaf.drop_null().to_pylist())
        numbers = (_numbers(leaf) for leaf in leaves if pa.types.is_primitive(leaf.type))
        each = tuple(Cell(cell) for leaf in leaves if _is(leaf, _BINARY) for cell in leaf.drop_null().to_pylist())
        together, cells = b"\n".join(chain(texts, numbers)), Cells(b"\0".join(each))
        yield name, Values(together, cells, each, _may_be_pixels(column.type))


def _metadata(metadata: dict[bytes, bytes] | None, schema: pa.Schema) -> Iterator[bytes]:
    """Keys and values, of the file, its schema and its columns at any depth."""
    for key, value in {**(metadata or {}), **(schema.metadata or {})}.items():
        yield key + b": " + value
    fields = list(schema)
    while fields:
        field = fields.pop()
        yield field.name.encode()
        yield from (key + b": " + value for key, value in (field.metadata or {}).items())
        kind = getattr(field.type, "storage_type", field.type)
        fields += [kind.field(i) for i in range(kind.num_fields)]


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    """The arrays of plain values that a column is made of."""
    if isinstance(column, pa.ExtensionArray):
        yield from _leaves(column.storage)
    elif isinstance(column, pa.DictionaryArray):
        yield from _leaves(column.dictionary_decode())
    elif isinstance(column, pa.RunEndEncodedArray):
        yield from _leaves(column.values)
    elif isinstance(column, pa.MapArray):
        yield from chain(_leaves(column.keys), _leaves(column.items))
    elif isinstance(column, pa.UnionArray):
        for i in range(column.type.num_fields):
            yield from _leaves(column.field(i))
    elif pa.types.is_struct(column.type):
        for part in column.flatten():
            yield from _leaves(part)
    elif pa.types.is_nested(column.type):
        yield from _leaves(column.flatten())
    else:
        yield column


def _may_be_pixels(kind: pa.DataType) -> bool:
    """Bytes in two or more dimensions, numbers in three or more."""
    kind, depth = getattr(kind, "storage_type", kind), 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    return (depth >= 2 and kind == pa.uint8()) or (depth >= 3 and pa.types.is_primitive(kind))


def _numbers(leaf: pa.Array) -> bytes:
    """Numbers as they lie in memory."""
    rows = pa.array(range(len(leaf)), pa.int64())
    values = leaf.take(rows).buffers()[1]  # a copy: a slice would come with the whole behind it
    return values.to_pybytes() if values is not None else b""


def _is(leaf: pa.Array, kinds: tuple[Any, ...]) -> bool:
    return any(kind(leaf.type) for kind in kinds)
