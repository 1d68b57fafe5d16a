#!/usr/bin/env python3
"""Writes src/vectors/unicode_tables.h from this Python's Unicode database: which code points words are made of, and their
lower case. Run by hand when Unicode has grown; the header says from which version it is.

  tools/unicode_tables.py >src/vectors/unicode_tables.h && clang-format-19 -i src/vectors/unicode_tables.h
"""

import sys
import unicodedata


def word_ranges():
    """Letters, numbers and what combines with them, above ASCII."""
    ranges = []
    for code in range(0x80, 0x110000):
        if unicodedata.category(chr(code))[0] in "LNM":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return ranges


def lower_ranges():
    """[first, last, step, what to add]: runs of code points whose lower case lies at one distance."""
    ranges = []
    for code in range(0x80, 0x110000):
        lower = chr(code).lower()
        if len(lower) != 1 or ord(lower) == code:
            continue
        delta = ord(lower) - code
        last = ranges[-1] if ranges else None
        if last and last[3] == delta and code - last[1] in (1, 2) and last[2] in (0, code - last[1]):
            last[1], last[2] = code, code - last[1]
        else:
            ranges.append([code, code, 0, delta])
    return [[first, last, step or 1, delta] for first, last, step, delta in ranges]


def main():
    out = sys.stdout
    out.write("// Which code points words are made of, and their lower case, from Unicode "
              f"{unicodedata.unidata_version}. Made by\n// tools/unicode_tables.py; not to be edited.\n#pragma once\n\n"
              "#include <cstdint>\n\nnamespace weir::vectors {\n\n")
    out.write("struct WordRange {\n  uint32_t first, last;\n};\n"
              "// A code point in it that is a whole number of steps from the first is lowered by `add`.\n"
              "struct LowerRange {\n  uint32_t first, last;\n  int32_t step, add;\n};\n\n")
    for kind, name, rows in (("WordRange", "kWordRanges", word_ranges()), ("LowerRange", "kLowerRanges", lower_ranges())):
        out.write(f"inline constexpr {kind} {name}[] = {{")
        out.write(", ".join("{" + ", ".join(map(str, row)) + "}" for row in rows))
        out.write("};\n\n")
    out.write("}  // namespace weir::vectors\n")


if __name__ == "__main__":
    main()
