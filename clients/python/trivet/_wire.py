"""Packed arrays of protobuf straight from and to NumPy arrays, without a Python object per value.

A message may be written as the concatenation of parts; so what is small is packed by the generated
classes, and the arrays are appended here, under the field numbers of the same classes.
"""

import numpy as np

_LENGTH_DELIMITED = 2


def number(message_type, field):
    return message_type.DESCRIPTOR.fields_by_name[field].number


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def bytes_field(field_number, *parts):
    """A length-delimited field out of parts that are joined."""
    length = sum(len(part) for part in parts)
    return b"".join((varint(field_number << 3 | _LENGTH_DELIMITED), varint(length), *parts))


def fixed_field(field_number, values, dtype):
    """Packed doubles or floats; dtype "<f8" or "<f4"."""
    return bytes_field(field_number, np.ascontiguousarray(values, dtype).tobytes())


def varints_field(field_number, values):
    """Packed uint32."""
    return bytes_field(field_number, pack_varints(np.asarray(values, np.uint32)))


def pack_varints(values):
    if len(values) == 0 or values.max() < 0x80:
        return values.astype(np.uint8).tobytes()
    groups = np.stack([(values >> np.uint32(7 * k)) & np.uint32(0x7F) for k in range(5)], axis=1)
    used = np.ones(groups.shape, bool)
    for k in range(1, 5):
        used[:, k] = values >= np.uint32(1 << 7 * k)
    more = np.zeros(groups.shape, np.uint8)
    more[:, :4] = np.where(used[:, 1:], 0x80, 0)
    return (groups.astype(np.uint8) | more)[used].tobytes()


def unpack_varints(data):
    """uint32 array of packed varints."""
    raw = np.frombuffer(data, np.uint8)
    last = raw < 0x80
    if last.all():
        return raw.astype(np.uint32)
    ends = np.flatnonzero(last)
    begins = np.concatenate(([0], ends[:-1] + 1))
    place = np.arange(len(raw)) - np.repeat(begins, ends - begins + 1)
    parts = (raw & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(parts, begins).astype(np.uint32)


def _read_varint(view, at):
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def split(data, taken):
    """(rest, found): the fields whose numbers are in `taken` as {number: [memoryview, …]}, all
    others as bytes for the generated class."""
    view, at, kept_from = memoryview(data), 0, 0
    rest, found = [], {field: [] for field in taken}
    while at < len(view):
        begin = at
        tag, at = _read_varint(view, at)
        kind = tag & 7
        if kind == 0:
            _, at = _read_varint(view, at)
        elif kind == _LENGTH_DELIMITED:
            length, at = _read_varint(view, at)
            at += length
            if tag >> 3 in found:
                found[tag >> 3].append(view[at - length:at])
                rest.append(view[kept_from:begin])
                kept_from = at
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("wire type %d" % kind)
    if at != len(view):
        raise ValueError("a message that is cut off")
    rest.append(view[kept_from:])
    return b"".join(rest), found
