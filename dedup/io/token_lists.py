"""The user's own tokens in the place of text: lists of strings or of integers, in a plain type.

A null list is null text; a null inside a list is left out.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

__all__ = ["holds_tokens", "token_lists"]

LIST_TYPES = (
    *(pt.is_list, pt.is_large_list, pt.is_fixed_size_list),
    *(pt.is_list_view, pt.is_large_list_view),
)
STRING_TYPES = (
    *(pt.is_string, pt.is_large_string, pt.is_string_view),
    *(pt.is_binary, pt.is_large_binary, pt.is_binary_view, pt.is_fixed_size_binary),
)


def holds_tokens(kind: pa.DataType) -> bool:
    """Tell whether this is a type of lists of strings, bytes or integers."""
    if not any(is_list(kind) for is_list in LIST_TYPES):
        return False
    inner = kind.value_type
    if pt.is_dictionary(inner):
        inner = inner.value_type
    return any(is_token(inner) for is_token in (*STRING_TYPES, pt.is_integer, pt.is_null))


def token_lists(lists: pa.Array) -> pa.Array:
    """Return lists of tokens as large_list<large_binary>, or as large_list<int64>.

    Raises
    ------
    pa.ArrowInvalid : an integer is beyond int64.
    """
    missing = lists.is_null()
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    ends = np.cumsum(counts, dtype=np.int64)
    values = lists.flatten()
    if pt.is_dictionary(values.type):
        values = values.dictionary_decode()
    values = values.cast(pa.int64() if pt.is_integer(values.type) else pa.large_binary())
    if values.null_count:
        valid = np.concatenate([[0], np.cumsum(values.is_valid().to_numpy(zero_copy_only=False))])
        ends = valid[ends]
        values = values.drop_null()
    return pa.LargeListArray.from_arrays(
        pa.array(np.concatenate([[0], ends]), pa.int64()), values, mask=missing
    )
