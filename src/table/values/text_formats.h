#pragma once

#include <string>
#include <string_view>

namespace rowgate::table {

/// A UUID in the text form of RFC 9562 section 4, any case: 8-4-4-4-12 hexadecimal digits, no braces, no
/// "urn:uuid:".
bool is_uuid(std::string_view text);

/// Why `text` is no e-mail address by the rule that browsers use for <input type=email> (HTML Living
/// Standard, "valid e-mail address": ASCII, one @, a dot-atom before it, labels of letters, digits and inner
/// hyphens after it), with the lengths of RFC 5321 (64 before the @, 254 in all). Empty when it is one.
std::string why_not_email(std::string_view text);

/// Why `text` is no absolute URI: a scheme, a colon, something after it, all in the characters of RFC 3986
/// section 2 with complete percent-encodings. Empty when it is one. Whether a scheme's own rules hold is not
/// looked at.
std::string why_not_uri(std::string_view text);

}  // namespace rowgate::table
