"""A folder as a zip file that is the same for the same content: python3 pack_zip.py FOLDER FILE. Prints the sizes."""

import pathlib
import sys
import zipfile


def main(folder, target):
    folder, whole = pathlib.Path(folder), 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | path.stat().st_mode & 0o777) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())
            whole += path.stat().st_size
    size = pathlib.Path(target).stat().st_size
    print(f"{target}: {size / 1e6:.1f} MB, {whole / 1e6:.1f} MB unpacked (Lambda takes 50 and 250)")


if __name__ == "__main__":
    main(*sys.argv[1:])
