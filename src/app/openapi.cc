#include "app/openapi.h"

#include "base/json.h"
#include "config/yaml.h"

#include <algorithm>

// The file becomes part of the program by the assembler (GCC 12 has no #embed).
__asm__(
    ".section .rodata\n"
    "rowgate_openapi_begin: .incbin \"" ROWGATE_OPENAPI
    "\"\n"
    "rowgate_openapi_end: .byte 0\n"
    ".global rowgate_openapi_begin\n"
    ".global rowgate_openapi_end\n"
    ".previous\n");
extern "C" const char rowgate_openapi_begin[];  // NOLINT(readability-identifier-naming)
extern "C" const char rowgate_openapi_end[];    // NOLINT(readability-identifier-naming)

namespace rowgate::app {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.-") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos && std::ranges::count(text, '.') <= 1 &&
         text.rfind('-') == (text[0] == '-' ? 0 : std::string_view::npos) && !text.ends_with('.') &&
         !text.starts_with('.');
}

void append_scalar(std::string& out, const Node& node) {
  if (node.plain && (node.scalar == "true" || node.scalar == "false" || is_number(node.scalar)))
    out += node.scalar;
  else
    append_json_string(out, node.scalar);
}

void append(std::string& out, const Node& node) {
  std::string_view comma;
  switch (node.kind) {
    case Node::Kind::Null:
      out += "null";
      break;
    case Node::Kind::Scalar:
      append_scalar(out, node);
      break;
    case Node::Kind::List:
      out += '[';
      for (const Node& item : node.items) {
        out += std::exchange(comma, ",");
        append(out, item);
      }
      out += ']';
      break;
    case Node::Kind::Map:
      out += '{';
      for (const auto& [key, value] : node.members) {
        out += std::exchange(comma, ",");
        append_json_string(out, key);
        out += ':';
        append(out, value);
      }
      out += '}';
      break;
  }
}

}  // namespace

std::string_view openapi_yaml() {
  return {rowgate_openapi_begin, rowgate_openapi_end};
}

Result<std::string> openapi_json() {
  TRY_ASSIGN(const Node root, config::read_yaml("http-api.yaml", openapi_yaml()));
  std::string json;
  append(json, root);
  return json + '\n';
}

}  // namespace rowgate::app
