#include "http/head.h"

#include "base/text.h"
#include "http/characters.h"
#include "http/target.h"

#include <charconv>

namespace rowgate::http {

namespace {

constexpr std::size_t kMaxMethodBytes = 32;
constexpr unsigned kMaxEmptyLines = 4;  // RFC 9112 section 2.2: at least one is to be ignored

std::unexpected<Error> malformed(std::string message, std::string hint = {}) {
  return fail(Code::RequestMalformed, std::move(message), std::move(hint));
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Calls `each` for every element of a comma-separated list, in lower case; empty ones are left out.
template <class Each>
void for_each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), element.size() + 1));
    if (const std::string_view trimmed = trim_blanks(element); !trimmed.empty()) each(lower_ascii(trimmed));
  }
}

Result<void> check_head_characters(std::string_view text) {
  for (const char c : text)
    if (!is_field_character(c) && c != '\r')
      return malformed("the head holds the control character '" + shown({&c, 1}) + "'");
  return {};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// RFC 9112 section 2.3; the major version decides whether the rest could be understood.
Result<bool> is_version_1_0(std::string_view version) {
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                           version[6] == '.' && is_digit(version[7]);
  if (!well_formed) return malformed("the request line does not end in a version of HTTP");
  if (version[5] != '1')
    return fail(Code::RequestHttpVersion, "the request is " + std::string(version), "send HTTP/1.1");
  return version[7] == '0';
}

}  // namespace

bool is_request_id(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (const char c : text)
    if (!is_alnum(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

Result<bool> HeadReader::read(std::string_view bytes) {
  for (;;) {
    const std::size_t from = std::max(next_, checked_);
    const std::size_t end = bytes.find('\n', from);
    TRY(check_head_characters(bytes.substr(from, end == std::string_view::npos ? end : end - from)));
    checked_ = std::min(end, bytes.size());
    if (end == std::string_view::npos) {
      TRY(check_partial(bytes));
      return false;
    }
    std::string_view line = bytes.substr(next_, end - next_);
    if (!line.ends_with('\r')) return malformed("a line of the head ends in LF without CR");
    line.remove_suffix(1);
    if (line.contains('\r')) return malformed("a CR stands within a line of the head");
    next_ = end + 1;
    if (line.empty() && has_request_line_) {
      TRY(judge());
      return true;
    }
    TRY(read_line(line));
  }
}

/// Limits must hold before a line is whole, and a lone CR need not wait for its line's end.
Result<void> HeadReader::check_partial(std::string_view bytes) const {
  const std::string_view line = bytes.substr(next_);
  if (const std::size_t cr = line.find('\r'); cr != std::string_view::npos && cr + 1 != line.size())
    return malformed("a CR stands within a line of the head");
  if (has_request_line_) return check_sizes(line == "\r" ? next_ : bytes.size());  // the end is no field
  if (line.size() > kMaxMethodBytes && !line.substr(0, kMaxMethodBytes + 1).contains(' '))
    return malformed("the request does not begin with a method");
  if (line.size() > kMaxMethodBytes + limits_.target_bytes + 16)
    return fail(Code::RequestUriTooLong,
                "the target is longer than " + grouped(limits_.target_bytes) + " bytes");
  return {};
}

Result<void> HeadReader::check_sizes(std::size_t end) const {
  if (end - fields_at_ > limits_.header_bytes)
    return fail(Code::RequestHeaderTooLarge,
                "the header is larger than " + grouped(limits_.header_bytes) + " bytes");
  if (head_.request.headers.size() > limits_.fields)
    return fail(Code::RequestHeaderTooLarge,
                "the header has more than " + grouped(limits_.fields) + " fields");
  return {};
}

Result<void> HeadReader::read_line(std::string_view line) {
  if (has_request_line_) {
    TRY(read_field(line));
    return check_sizes(next_);
  }
  if (line.empty()) {
    if (++empty_lines_ > kMaxEmptyLines) return malformed("empty lines instead of a request");
    return {};
  }
  has_request_line_ = true;
  fields_at_ = next_;
  return read_request_line(line);
}

Result<void> HeadReader::read_request_line(std::string_view line) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return malformed("the request line is not \"METHOD target HTTP/1.1\"");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method) || method.size() > kMaxMethodBytes)
    return malformed("the method is not one word: '" + shown(method) + "'");
  TRY_ASSIGN(head_.is_http_1_0, is_version_1_0(line.substr(last + 1)));
  if (target.size() > limits_.target_bytes)
    return fail(Code::RequestUriTooLong,
                "the target is longer than " + grouped(limits_.target_bytes) + " bytes");
  head_.request.method = method;
  head_.request.target = target;
  TRY(read_target(target, head_.request, authority_));
  return {};
}

Result<void> HeadReader::read_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t')
    return malformed("a header line is folded", "send each header field on one line");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("a header line has no colon: '" + shown(line) + "'");
  if (!is_token(line.substr(0, colon)))
    return malformed("the name of a header field is not one word: '" + shown(line.substr(0, colon)) + "'");
  std::string name = lower_ascii(line.substr(0, colon));
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  TRY(read_special(name, value));
  head_.request.headers.emplace_back(std::move(name), value);
  return {};
}

Result<void> HeadReader::read_special(std::string_view name, std::string_view value) {
  if (name == "host") {
    ++host_count_;
    hosts_ = value;
  } else if (name == "content-length") {
    return read_content_length(value);
  } else if (name == "transfer-encoding") {
    codings_ += has_coding_ ? "," : "";
    codings_ += value;
    has_coding_ = true;
  } else if (name == "connection") {
    read_connection(value);
  } else if (name == "expect") {
    return read_expectation(value);
  }
  return {};
}

/// RFC 9112 section 6.3: several lengths, even equal ones, are refused, since others may take another one.
Result<void> HeadReader::read_content_length(std::string_view value) {
  if (head_.request.content_length) return malformed("there are two Content-Length fields");
  std::uint64_t length = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (value.empty() || !is_digit(value.front()) || error != std::errc{} || stop != end ||
      length > std::uint64_t{1} << 62)
    return malformed("Content-Length is not a number of bytes: '" + shown(value) + "'");
  head_.request.content_length = length;
  return {};
}

void HeadReader::read_connection(std::string_view value) {
  for_each_element(value, [&](const std::string& option) {
    says_close_ = says_close_ || option == "close";
    says_keep_alive_ = says_keep_alive_ || option == "keep-alive";
  });
}

/// RFC 9110 section 10.1.1: anything but 100-continue may be refused, and in HTTP/1.0 it is not looked at.
Result<void> HeadReader::read_expectation(std::string_view value) {
  if (head_.is_http_1_0) return {};
  if (lower_ascii(value) != "100-continue")
    return fail(Code::RequestExpectation, "the expectation cannot be met: '" + shown(value) + "'");
  head_.expects_continue = true;
  return {};
}

/// What only the whole head can tell.
Result<void> HeadReader::judge() {
  if (host_count_ > 1) return malformed("there are two Host fields");
  if (host_count_ == 0 && !head_.is_http_1_0) return malformed("there is no Host field");
  if (host_count_ == 1 && !is_authority(hosts_))
    return malformed("Host is not a host: '" + shown(hosts_) + "'");
  TRY(judge_framing());
  head_.keeps_alive = !says_close_ && (!head_.is_http_1_0 || says_keep_alive_);
  if (!authority_.empty())  // RFC 9112 section 3.2.2: the target's host counts
    for (auto& [name, value] : head_.request.headers)
      if (name == "host") value = authority_;
  return {};
}

/// RFC 9112 sections 6.1 and 6.3. A body whose end we cannot tell for sure is never read.
Result<void> HeadReader::judge_framing() {
  if (!has_coding_) return {};
  if (head_.is_http_1_0) return malformed("Transfer-Encoding in a request of HTTP/1.0");
  if (head_.request.content_length) return malformed("both Content-Length and Transfer-Encoding");
  unsigned count = 0, chunked = 0;
  std::string last;
  for_each_element(codings_, [&](std::string coding) {
    ++count;
    chunked += coding == "chunked" ? 1 : 0;
    last = std::move(coding);
  });
  if (last != "chunked" || chunked != 1)
    return malformed("the Transfer-Encoding is not chunked: '" + shown(codings_) + "'");
  if (count != 1)
    return fail(Code::RequestNotImplemented,
                "no Transfer-Encoding but chunked is understood: '" + shown(codings_) + "'",
                "compress with Content-Encoding instead");
  head_.is_chunked = true;
  return {};
}

}  // namespace rowgate::http
