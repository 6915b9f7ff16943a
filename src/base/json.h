#pragma once

#include <string>
#include <string_view>

namespace rowgate {

/// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not UTF-8 become
/// U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// `text` as a JSON string.
std::string json_text(std::string_view text);
/// `text` as a JSON string, or null where it is empty.
std::string json_text_or_null(std::string_view text);

}  // namespace rowgate
