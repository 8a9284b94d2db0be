"""Makes Elasticsearch 1.5 start on Java 17: java17.py JAR FOLDER writes the mended class below FOLDER.

Its JvmInfo calls RuntimeMXBean.getBootClassPath() when it is loaded, which throws since Java 9. Its constant pool is
walked, and the name becomes that of another getter of a string. Source: Java Virtual Machine Specification, 4.4
"""

import struct
import sys
import zipfile
from pathlib import Path

CLASS = "org/elasticsearch/monitor/jvm/JvmInfo.class"
OLD, NEW = b"getBootClassPath", b"getSpecName"
_UTF8 = 1
#: bytes of each constant by its tag, with the tag
_SIZES = {3: 5, 4: 5, 5: 9, 6: 9, 7: 3, 8: 3, 9: 5, 10: 5, 11: 5, 12: 5, 15: 4, 16: 3, 18: 5}
_TWO_ENTRIES = (5, 6)  #: long and double


def renamed(code: bytes) -> bytes:
    """The class file with OLD called NEW."""
    (count,) = struct.unpack_from(">H", code, 8)
    out, at, entry = bytearray(code[:10]), 10, 1
    while entry < count:
        tag = code[at]
        if tag == _UTF8:
            (length,) = struct.unpack_from(">H", code, at + 1)
            text = code[at + 3 : at + 3 + length]
            text = NEW if text == OLD else text
            out += struct.pack(">BH", tag, len(text)) + text
            at += 3 + length
        else:
            out += code[at : at + _SIZES[tag]]
            at += _SIZES[tag]
        entry += 2 if tag in _TWO_ENTRIES else 1
    return bytes(out + code[at:])


if __name__ == "__main__":
    jar, folder = map(Path, sys.argv[1:])
    target = folder / CLASS
    target.parent.mkdir(parents=True)
    target.write_bytes(renamed(zipfile.ZipFile(jar).read(CLASS)))
