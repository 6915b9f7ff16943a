#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::store {

/// An element of S3's answers: its name without a prefix, its text and the elements within. Attributes and
/// comments are passed over.
struct XmlElement {
  std::string name, text;
  std::vector<XmlElement> children;

  /// The first of that name; nullptr where there is none.
  const XmlElement* child(std::string_view wanted) const;
  /// Its text, else "".
  std::string_view text_of(std::string_view wanted) const;
};

/// The root of a document (XML 1.0 without document types, at most 16 levels); nullopt for anything else.
std::optional<XmlElement> parse_xml(std::string_view document);

/// As text between tags.
std::string xml_escaped(std::string_view text);

}  // namespace rowgate::store
