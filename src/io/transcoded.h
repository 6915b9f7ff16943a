#pragma once

#include "io/source.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace rowgate::io {

/// How a file's bytes stand for characters. Utf16 has no order of its own: the byte order mark tells it, else
/// where the zero bytes lie in the first characters, else little endian (as the WHATWG Encoding Standard).
enum class Encoding : std::uint8_t { Utf8, Utf16, Utf16Le, Utf16Be, Latin1, Windows1252 };

/// "utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252" and their usual other names, in
/// any case; nullopt for any other.
std::optional<Encoding> encoding_from(std::string_view label);

/// `file` as UTF-8. A byte order mark at its beginning beats what was declared, and is dropped (that of UTF-8
/// is left for csv::inspect, since such a file is read in place). Nothing declared: UTF-8.
///
/// No character is lost: the five bytes that windows-1252 leaves undefined become the control characters of
/// the same number, as in the WHATWG Encoding Standard, and ISO-8859-1 is taken at its word (bytes 80 to 9F
/// are control characters). A lone surrogate in UTF-16 becomes the three bytes that it would have in UTF-8,
/// which no valid UTF-8 has: so the record that holds it is refused, not the file. Readers fail with
/// file.bad_encoding where UTF-16 ends in half a character.
std::shared_ptr<SourceFile> transcoded(std::shared_ptr<SourceFile> file,
                                       std::optional<Encoding> declared = {});

}  // namespace rowgate::io
