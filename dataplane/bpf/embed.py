#!/usr/bin/env python3
"""embed.py NAME FILE SOURCE: FILE's bytes as arrays NAME and NAMEBytes in C++, for a program that the dataplane loads itself."""
import pathlib
import sys

name, file, source = sys.argv[1:]
data = pathlib.Path(file).read_bytes()
rows = "".join("    " + " ".join(f"{byte:#04x}," for byte in data[at:at + 16]) + "\n" for at in range(0, len(data), 16))
pathlib.Path(source).write_text(f"""#include <cstddef>
namespace weir::dataplane {{
alignas(8) extern const unsigned char {name}[] = {{
{rows}}};
extern const size_t {name}Bytes = sizeof {name};
}}
""")
