"""How a results file's columns should be chunked and compressed: seconds and bytes of each choice,
on the columns of a real or synthetic file.

Usage: build/venv/bin/python3 tests/bench/chunks.py RESULTS.h5 [MEGABYTES]

Needs libdeflate. Times are processor seconds of this one thread, least of three, over at most
MEGABYTES (default 64) of each column; numpy does libhdf5's shuffle here, its time is not counted.
"""

import ctypes
import sys
import time
import zlib

import h5py
import numpy

COLUMNS = ("tokens/id", "tokens/log_prob", "texts/bytes", "samples/cell_key",
           "circumstances/start_ns", "samples/text_offset")
CHUNKS = (32, 128, 512, 2048)  # KiB

library = ctypes.CDLL("libdeflate.so.0")
library.libdeflate_alloc_compressor.restype = ctypes.c_void_p
library.libdeflate_zlib_compress.restype = ctypes.c_size_t
library.libdeflate_zlib_compress.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


def by_zlib(level):
    return lambda data: len(zlib.compress(data, level))


def by_libdeflate(level):
    compressor = library.libdeflate_alloc_compressor(level)
    room = ctypes.create_string_buffer(4 << 20)
    return lambda data: library.libdeflate_zlib_compress(
        compressor, data, len(data), room, len(room)) or len(data)


def shuffled(chunk, width):
    return numpy.frombuffer(chunk, numpy.uint8).reshape(-1, width).T.tobytes()


def pieces(data, width, chunk_bytes, shuffle):
    for at in range(0, len(data) // width * width, chunk_bytes):
        chunk = data[at : at + chunk_bytes]
        yield shuffled(chunk, width) if shuffle and width > 1 else chunk


def measure(data, width, chunk_bytes, shuffle, compress):
    chunks = list(pieces(data, width, chunk_bytes, shuffle))
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        size = sum(min(compress(chunk), len(chunk)) for chunk in chunks)
        best = min(best, time.process_time() - start)
    return best, size


def main():
    most = int(sys.argv[2]) << 20 if len(sys.argv) > 2 else 64 << 20
    makers = [("zlib", by_zlib, (1, 4, 6)), ("libdeflate", by_libdeflate, (1, 4, 6))]
    with h5py.File(sys.argv[1]) as results:
        for name in COLUMNS:
            column = results[name]
            data = column[: most // column.dtype.itemsize].tobytes()[:most]
            width = column.dtype.itemsize
            print(f"\n{name}: {len(data) / 1e6:.1f} MB")
            for program, make, levels in makers:
                for level in levels:
                    for shuffle in (False, True) if width > 1 else (False,):
                        row = []
                        for kib in CHUNKS:
                            took, size = measure(data, width, kib << 10, shuffle, make(level))
                            row.append(f"{len(data) / 1e6 / took:6.0f} MB/s {size / len(data):.3f}")
                        kind = "shuffled" if shuffle else "plain"
                        print(f"  {program:10} {level} {kind:8} | " + " | ".join(row))


main()
