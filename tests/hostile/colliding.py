"""Texts that a hash table with a fixed seed puts into one place: all have one std::hash of the C++ library that comes with g++."""

import itertools
import random
import struct

MASK, MUL, SEED = 2**64 - 1, 0xC6A4A7935BD1E995, 0xC70F6907
INVERSE = pow(MUL, -1, 2**64)
PRINTABLE = frozenset(range(0x20, 0x7F)) - {ord('"'), ord("\\"), ord("'"), ord(",")}
WAYS, STAGES = 27, 3  # 27 ** 3 texts


def shift_mix(value):
    return value ^ (value >> 47)


def after(state, block):
    return ((state ^ (shift_mix(block * MUL & MASK) * MUL & MASK)) * MUL) & MASK


def block_to(state, target):
    """The block that leads from one state to the other."""
    mixed = (state ^ (target * INVERSE & MASK)) * INVERSE & MASK
    return shift_mix(mixed) * INVERSE & MASK


def texts(count=WAYS**STAGES):
    """As many of 48 bytes each: pairs of blocks that lead to the same state, one after the other."""
    source = random.Random(7)
    letters = b"abcdefghijklmnopqrstuvwxyz"
    state = SEED ^ (STAGES * 16 * MUL & MASK)
    stages = []
    for _ in range(STAGES):
        target, pairs = None, []
        while len(pairs) < WAYS:
            first = bytes(source.choices(letters, k=8))
            between = after(state, struct.unpack("<Q", first)[0])
            if target is None:
                target = after(between, struct.unpack("<Q", b"together")[0])
            second = struct.pack("<Q", block_to(between, target))
            if PRINTABLE.issuperset(second):
                pairs.append((first + second).decode())
        stages.append(pairs)
        state = target
    return ["".join(parts) for parts in itertools.islice(itertools.product(*stages), count)]
