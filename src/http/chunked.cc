#include "http/chunked.h"

#include "base/text.h"
#include "http/characters.h"

#include <charconv>
#include <cstring>

namespace rowgate::http {

namespace {

std::unexpected<Error> damaged(std::string message) {
  return fail(Code::RequestMalformed, "the chunked body is damaged: " + std::move(message));
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_hex(char c) {
  const char low = static_cast<char>(c | 0x20);
  return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'f');
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

bool skip_token(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && is_token_character(text[size])) ++size;
  text.remove_prefix(size);
  return size != 0;
}

bool skip_quoted(std::string_view& text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

/// chunk-ext of RFC 9112 section 7.1.1. One that others could end elsewhere (a quote that stays open) would
/// let them see other chunks.
bool is_extension(std::string_view text) {
  while (!text.empty()) {
    skip_blanks(text);
    if (!text.starts_with(';')) return false;
    text.remove_prefix(1);
    skip_blanks(text);
    if (!skip_token(text)) return false;
    const std::string_view behind_name = text;
    skip_blanks(text);
    if (!text.starts_with('=')) {
      text = behind_name;
      continue;
    }
    text.remove_prefix(1);
    skip_blanks(text);
    if (text.starts_with('"') ? !skip_quoted(text) : !skip_token(text)) return false;
  }
  return true;
}

Result<void> check_characters(std::string_view line) {
  for (const char c : line)
    if (!is_field_character(c)) return damaged("a control character in a line");
  return {};
}

}  // namespace

Result<ChunkedBody::Step> ChunkedBody::decode(std::span<char> bytes) {
  Step step;
  while (expects_ != Expects::Nothing) {
    const std::string_view rest(bytes.data() + step.used, bytes.size() - step.used);
    if (expects_ == Expects::Data) {
      const std::size_t size = std::min<std::uint64_t>(left_, rest.size());
      std::memmove(bytes.data() + step.made, rest.data(), size);
      step.made += size;
      step.used += size;
      left_ -= size;
      if (left_ != 0) return step;
      expects_ = Expects::DataEnd;
      continue;
    }
    const std::size_t end = rest.substr(0, kMaxLineBytes).find('\n');
    if (end == std::string_view::npos) {
      TRY(check_partial(rest));
      return step;
    }
    if (end == 0 || rest[end - 1] != '\r') return damaged("a line ends in LF without CR");
    TRY(read_line(rest.substr(0, end - 1)));
    step.used += end + 1;
  }
  step.done = true;
  return step;
}

/// What can be told of a line before its end is there; never more than read_line() would say.
Result<void> ChunkedBody::check_partial(std::string_view line) const {
  if (line.size() >= kMaxLineBytes) return damaged("a line is too long");
  if (line.ends_with('\r')) line.remove_suffix(1);
  TRY(check_characters(line));
  if (expects_ == Expects::DataEnd && !line.empty()) return damaged("a chunk is longer than its size");
  if (expects_ == Expects::Size && !line.empty() && !is_hex(line.front()))
    return damaged("a chunk without size");
  return {};
}

Result<void> ChunkedBody::read_line(std::string_view line) {
  TRY(check_characters(line));
  if (expects_ == Expects::Size) return read_size(line);
  if (expects_ == Expects::Trailer) return read_trailer(line);
  if (!line.empty()) return damaged("a chunk is longer than its size");
  expects_ = Expects::Size;
  return {};
}

Result<void> ChunkedBody::read_size(std::string_view line) {
  std::size_t digits = 0;
  while (digits < line.size() && is_hex(line[digits])) ++digits;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + digits, left_, 16);
  if (error != std::errc{}) return damaged("a size that is none: '" + shown(line) + "'");
  if (!is_extension(line.substr(digits))) return damaged("a bad extension: '" + shown(line) + "'");
  expects_ = left_ == 0 ? Expects::Trailer : Expects::Data;
  return {};
}

Result<void> ChunkedBody::read_trailer(std::string_view line) {
  if (line.empty()) {
    expects_ = Expects::Nothing;
    return {};
  }
  trailer_bytes_ += line.size();
  if (trailer_bytes_ > kMaxLineBytes) return damaged("the trailer is too long");
  if (!is_token(line.substr(0, line.find(':'))) || !line.contains(':'))
    return damaged("the trailer has a line that is no field: '" + shown(line) + "'");
  return {};
}

}  // namespace rowgate::http
