#include "http/target.h"

#include "base/text.h"
#include "http/characters.h"

#include <optional>

namespace rowgate::http {

namespace {

std::unexpected<Error> wrong_target(std::string message) {
  return fail(Code::RequestMalformed, std::move(message));
}

int hex_nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/// Undoes percent-encoding; nullopt where a "%" is not followed by two hex digits.
std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_nibble(text[i + 1]), low = hex_nibble(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

/// Decoded text that may go on to the handlers.
Result<std::string> as_text(std::string_view part, bool plus_is_space) {
  std::optional<std::string> text = decoded(part, plus_is_space);
  if (!text) return wrong_target("the target has a \"%\" without two hex digits: '" + shown(part) + "'");
  if (text->find('\0') != std::string::npos) return wrong_target("the target has a NUL byte");
  if (valid_utf8_prefix(*text) != text->size())
    return wrong_target("the target is not UTF-8: '" + shown(*text) + "'");
  return *std::move(text);
}

Result<void> read_path(std::string_view path, Request& request) {
  path.remove_prefix(1);
  request.trailing_slash = path.ends_with('/');
  if (request.trailing_slash) path.remove_suffix(1);
  if (path.empty() && !request.trailing_slash) return {};
  for (;;) {
    const std::size_t slash = path.find('/');
    TRY_ASSIGN(std::string segment, as_text(path.substr(0, slash), false));
    request.segments.push_back(std::move(segment));
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
}

Result<void> read_query(std::string_view query, Request& request) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    TRY_ASSIGN(std::string name, as_text(pair.substr(0, equals), true));
    TRY_ASSIGN(std::string value, as_text(pair.substr(std::min(equals + 1, pair.size())), true));
    request.query.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

/// What follows "http://" or "https://"; nullopt for every other form.
std::optional<std::string_view> after_scheme(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (lower_ascii(target.substr(0, scheme.size())) == scheme) return target.substr(scheme.size());
  return std::nullopt;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  if (text.size() > 5) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535;
}

bool is_ip_literal(std::string_view text) {
  for (const char c : text)
    if (hex_nibble(c) < 0 && c != ':' && c != '.') return false;
  return text.size() >= 2;
}

bool is_reg_name(std::string_view host) {
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (host[i] == '%') {
      if (i + 2 >= host.size() || hex_nibble(host[i + 1]) < 0 || hex_nibble(host[i + 2]) < 0) return false;
    } else if (!is_alnum(host[i]) && !std::string_view("-._~!$&'()*+,;=").contains(host[i])) {
      return false;
    }
  }
  return !host.empty();
}

}  // namespace

bool is_authority(std::string_view text) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  const std::size_t colon = std::min(text.find(':', bracket), text.size());
  if (!is_port(text.substr(std::min(colon + 1, text.size())))) return false;
  const std::string_view host = text.substr(0, colon);
  if (bracket == 0) return is_reg_name(host);
  return bracket + 1 == host.size() && is_ip_literal(host.substr(1, bracket - 1));
}

Result<void> read_target(std::string_view target, Request& request, std::string& authority) {
  for (const char c : target)
    if (!is_visible(c) || c == '#') return wrong_target("the target holds characters that must be encoded");
  if (request.method == "CONNECT")
    return fail(Code::RequestNotImplemented, "this server is no proxy: CONNECT is not done");
  if (target == "*") {
    if (request.method == "OPTIONS") return {};
    return wrong_target("the target \"*\" is for OPTIONS only");
  }
  std::string path;  // of an absolute form without one: "http://example.org?q"
  if (const std::optional<std::string_view> rest = after_scheme(target)) {
    const std::size_t end = std::min(rest->find_first_of("/?"), rest->size());
    authority = rest->substr(0, end);
    if (!is_authority(authority)) return wrong_target("the target names no host");
    path = rest->substr(end);
    if (!path.starts_with('/')) path.insert(0, 1, '/');
    target = path;
    request.target = path;  // what else looks at the target need not know the form
  }
  if (!target.starts_with('/')) return wrong_target("the target is not a path: '" + shown(target) + "'");
  const std::size_t question = std::min(target.find('?'), target.size());
  TRY(read_path(target.substr(0, question), request));
  return read_query(target.substr(std::min(question + 1, target.size())), request);
}

}  // namespace rowgate::http
