#include "http/multipart.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::http {
namespace {

constexpr std::size_t kMaxPartHead = 8 * 1024;
constexpr std::size_t kMaxParts = 100;

std::unexpected<Error> broken(std::string message) {
  return fail(Code::RequestOneFileExpected, std::move(message),
              "send the form as RFC 7578 says; curl -F does");
}

/// A quoted string's text begins at text[1]; browsers write %22 for a quote and leave a backslash alone, so
/// only
/// `\"` is an escape here.
std::string unquoted(std::string_view text) {
  std::string out;
  for (std::size_t i = 1; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '"') ++i;
    out += text[i];
  }
  return out;
}

/// Where the parameter at the front of `text` ends: at the next `;` outside quotes.
std::size_t parameter_end(std::string_view text) {
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (inside && text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '"')
      ++i;
    else if (text[i] == '"')
      inside = !inside;
    else if (text[i] == ';' && !inside)
      return i;
  }
  return text.size();
}

Result<PartHead> read_head(std::string_view text) {
  PartHead head;
  bool is_form_data = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      return broken("a part of the form has a header that is none");
    const std::string name = lower_ascii(line.substr(0, colon));
    const std::string_view value = trim_spaces(line.substr(colon + 1));
    if (name == "content-type") head.content_type = value;
    if (name == "content-transfer-encoding" && lower_ascii(value) != "binary" &&
        lower_ascii(value) != "8bit" && lower_ascii(value) != "7bit")
      return broken("a part of the form is in a transfer encoding");
    if (name != "content-disposition") continue;
    is_form_data = lower_ascii(trim_spaces(value.substr(0, parameter_end(value)))) == "form-data";
    head.name = header_parameter(value, "name").value_or("");
    head.filename = header_parameter(value, "filename");
  }
  if (!is_form_data || head.name.empty()) return broken("a part of the form has no name");
  return head;
}

}  // namespace

std::optional<std::string> header_parameter(std::string_view value, std::string_view key) {
  value.remove_prefix(parameter_end(value));
  while (!value.empty()) {
    value.remove_prefix(1);  // the semicolon
    const std::string_view parameter = trim_spaces(value.substr(0, parameter_end(value)));
    value.remove_prefix(parameter_end(value));
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || lower_ascii(trim_spaces(parameter.substr(0, equals))) != key)
      continue;
    const std::string_view text = trim_spaces(parameter.substr(equals + 1));
    return text.starts_with('"') ? unquoted(text) : std::string(text);
  }
  return std::nullopt;
}

MultipartParser::MultipartParser(std::string_view boundary, Events events)
    : delimiter_("\r\n--" + std::string(boundary)), events_(std::move(events)) {}

Result<void> MultipartParser::feed(std::string_view bytes) {
  pending_ += bytes;
  for (;;) {
    TRY_ASSIGN(const bool went_on, step());
    if (!went_on) return {};
  }
}

Result<void> MultipartParser::finish() {
  if (state_ != State::Epilogue) return broken("the form is cut short: its closing boundary is missing");
  return {};
}

/// One move where enough bytes are there; false: more are needed.
Result<bool> MultipartParser::step() {
  switch (state_) {
    case State::AfterDelimiter:
      return read_delimiter_end();
    case State::Header:
      return read_header();
    case State::Preamble:
    case State::Data:
      return read_data();
    case State::Epilogue:
      break;
  }
  pending_.clear();
  return false;
}

/// Behind the boundary: "--" closes the form, spaces and CRLF begin a part.
Result<bool> MultipartParser::read_delimiter_end() {
  if (pending_.starts_with("--")) {
    state_ = State::Epilogue;
    return true;
  }
  const std::size_t end = pending_.find_first_not_of(" \t");
  const bool is_short = end == std::string::npos || pending_.size() - end < 2;
  if (is_short) {
    if (pending_.size() > kMaxPartHead) return broken("a boundary of the form is not followed by a line end");
    return false;
  }
  if (pending_.compare(end, 2, "\r\n") != 0)
    return broken("a boundary of the form is not followed by a line end");
  if (++parts_ > kMaxParts) return broken(fmt::format("the form has more than {} parts", kMaxParts));
  pending_.erase(0, end);  // the CRLF stays, so that the empty line of a part without header is found too
  state_ = State::Header;
  return true;
}

Result<bool> MultipartParser::read_header() {
  const std::size_t end = pending_.find("\r\n\r\n");
  if (std::min(end, pending_.size()) > kMaxPartHead)
    return broken("the header of a part of the form is too large");
  if (end == std::string::npos) return false;
  TRY_ASSIGN(const PartHead head, read_head(std::string_view(pending_).substr(2, end < 2 ? 0 : end - 2)));
  TRY(events_.begin(head));
  pending_.erase(0, end + 4);
  state_ = State::Data;
  return true;
}

Result<bool> MultipartParser::read_data() {
  const std::size_t found = pending_.find(delimiter_);
  // What may be the beginning of a delimiter stays until more is known.
  const std::size_t kept = std::min(pending_.size(), delimiter_.size() - 1);
  const std::size_t size = found == std::string::npos ? pending_.size() - kept : found;
  if (state_ == State::Data && size > 0) TRY(events_.data(std::string_view(pending_).substr(0, size)));
  if (found == std::string::npos) {
    pending_.erase(0, size);
    return false;
  }
  pending_.erase(0, found + delimiter_.size());
  state_ = State::AfterDelimiter;
  return true;
}

}  // namespace rowgate::http
