// The laws of reading a request:
// - where its bytes are cut does not show, neither in the head nor in a chunked body;
// - a head or a chunked body that we take, Beast takes too and reads the same in it; we only refuse more;
// - what we hand on has no control characters in its fields, and its target is UTF-8 without NUL;
// - a decoded target, encoded again, decodes to the same;
// - a head has at most one way to tell where its body ends.

#include "base/text.h"
#include "http/characters.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/target.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/src.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace rowgate::http;
namespace beast_http = boost::beast::http;

void require(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", law);
  std::abort();
}

struct Read {
  std::optional<rowgate::Code> refused = {};
  bool is_whole = false;
  std::size_t size = 0;
  Head head = {};
};

/// Reads the head as if its bytes came in two parts, or one by one (`cut` is 0).
Read read_head(std::string_view bytes, std::size_t cut) {
  HeadReader reader({.header_bytes = 600, .fields = 8, .target_bytes = 200});
  Read read;
  for (std::size_t end = cut == 0 ? 1 : cut;; end = cut == 0 ? end + 1 : bytes.size()) {
    end = std::min(end, bytes.size());
    const rowgate::Result<bool> whole = reader.read(bytes.substr(0, end));
    if (!whole) read.refused = whole.error().code;
    if (whole && *whole) {
      read.is_whole = true;
      read.size = reader.size();
      read.head = reader.take();
    }
    if (!whole || *whole || end == bytes.size()) return read;
  }
}

void require_equal(const Read& a, const Read& b) {
  require(a.is_whole == b.is_whole && a.size == b.size, "cuts do not show in the size of the head");
  require(a.refused.has_value() == b.refused.has_value(), "cuts do not show in what is refused");
  require(a.head.request.segments == b.head.request.segments, "cuts do not show in the path");
  require(a.head.request.query == b.head.request.query, "cuts do not show in the query");
  require(a.head.request.headers == b.head.request.headers, "cuts do not show in the fields");
  require(a.head.is_chunked == b.head.is_chunked, "cuts do not show in the framing");
}

/// Beast judges the same head.
void require_beast_agrees(std::string_view bytes, const Read& read) {
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);  // it takes no empty line before the request
  beast_http::request_parser<beast_http::empty_body> parser;
  parser.body_limit(boost::none);
  parser.eager(false);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  // It takes Connection and the minor version more narrowly than RFC 9112.
  if (error == beast_http::error::bad_value || error == beast_http::error::bad_version) return;
  require(!error && parser.is_header_done(), "what we take Beast takes");
  const auto& message = parser.get();
  const Head& head = read.head;
  require(std::string_view(message.method_string()) == head.request.method, "the same method");
  // Of an absolute form (RFC 9112 section 3.2.2) only path and query are left.
  const std::string_view target = message.target();
  const bool is_absolute = !target.starts_with('/') && target != "*";
  require(is_absolute || target == head.request.target, "the same target");
  require(parser.chunked() == head.is_chunked, "the same framing");
  require((message.version() == 10) == head.is_http_1_0, "the same version");
  const auto length = parser.content_length();
  require(length.has_value() == head.request.content_length.has_value(), "a length or none");
  require(!length || *length == *head.request.content_length, "the same length");
  require(
      static_cast<std::size_t>(std::distance(message.begin(), message.end())) == head.request.headers.size(),
      "as many fields");
  for (const auto& [name, value] : head.request.headers) {
    bool is_there = name == "host";  // an absolute target's host takes its place
    for (const auto& field : message)
      is_there = is_there || (rowgate::lower_ascii(std::string_view(field.name_string())) == name &&
                              std::string_view(field.value()) == value);
    require(is_there, "the same fields");
  }
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    if (is_alnum(c))
      out += c;
    else
      out += hex;
  }
  return out;
}

void require_round_trip(const Request& request) {
  if (!request.target.starts_with('/') && !request.target.starts_with("http")) return;
  std::string target;
  for (const std::string& segment : request.segments) target += "/" + encoded(segment);
  if (target.empty() || request.trailing_slash) target += "/";
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    target += separator + encoded(name) + "=" + encoded(value);
    separator = '&';
  }
  Request again;
  again.method = request.method;
  std::string authority;
  require(read_target(target, again, authority).has_value(), "an encoded target is taken");
  require(again.segments == request.segments && again.query == request.query, "a target survives encoding");
  require(again.trailing_slash == request.trailing_slash, "a trailing slash survives encoding");
}

void require_clean(const Head& head) {
  const auto is_clean = [](const std::string& text) {
    return !text.contains('\0') && rowgate::valid_utf8_prefix(text) == text.size();
  };
  for (const std::string& segment : head.request.segments) require(is_clean(segment), "paths are UTF-8");
  for (const auto& [name, value] : head.request.query)
    require(is_clean(name) && is_clean(value), "queries are UTF-8");
  for (const auto& [name, value] : head.request.headers) {
    require(is_token(name), "names are tokens");
    for (const char c : value) require(is_field_character(c), "values have no control characters");
  }
  require(!head.is_chunked || !head.request.content_length, "one framing");
}

struct Decoded {
  bool is_refused = false, is_done = false;
  std::size_t used = 0;
  std::string text = {};
};

/// Decodes a chunked body of which ever more is there, `step` bytes more each time.
Decoded decode(std::string_view bytes, std::size_t step) {
  ChunkedBody body;
  Decoded decoded;
  std::string waiting;
  for (std::size_t at = 0;;) {
    waiting += bytes.substr(at, step);
    at = std::min(bytes.size(), at + step);
    const rowgate::Result<ChunkedBody::Step> came = body.decode(waiting);
    decoded.is_refused = !came;
    if (!came) return decoded;
    require(came->made <= came->used, "no more comes out than goes in");
    decoded.used += came->used;
    decoded.text += waiting.substr(0, came->made);
    waiting.erase(0, came->used);
    decoded.is_done = came->done;
    if (came->done || at == bytes.size()) return decoded;
  }
}

/// Beast decodes the same whole body, but for extensions and trailer fields that it takes more narrowly.
void require_beast_agrees(std::string_view chunks, const Decoded& decoded) {
  beast_http::request_parser<beast_http::string_body> parser;
  parser.body_limit(boost::none);
  parser.eager(true);
  const std::string bytes =
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks.substr(0, decoded.used));
  boost::beast::error_code error;
  const std::size_t used = parser.put(boost::asio::buffer(bytes), error);
  const bool is_narrow = error == beast_http::error::bad_chunk_extension ||
                         error == beast_http::error::bad_value || error == beast_http::error::bad_field ||
                         error == beast_http::error::bad_content_length ||
                         error == beast_http::error::bad_transfer_encoding ||
                         error == beast_http::error::multiple_content_length;
  if (is_narrow) return;
  require(!error && parser.is_done() && used == bytes.size(), "a body that we take Beast takes");
  require(parser.get().body() == decoded.text, "the same body");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  const Read read = read_head(bytes, bytes.size());
  require_equal(read, read_head(bytes, 0));
  require_equal(read, read_head(bytes, 1 + data[0]));
  if (read.is_whole) {
    require_clean(read.head);
    require_round_trip(read.head.request);
    require_beast_agrees(bytes.substr(0, read.size), read);
  }
  const std::string_view chunks = bytes.substr(read.is_whole ? read.size : 0);
  const Decoded whole = decode(chunks, chunks.size() + 1), cut = decode(chunks, 1 + data[1] % 16);
  require(whole.is_refused == cut.is_refused, "cuts do not show in what is refused of a body");
  require(whole.is_refused || whole.text == cut.text, "cuts do not show in a body");
  require(whole.is_done == cut.is_done && (!whole.is_done || whole.used == cut.used), "nor in where it ends");
  if (whole.is_done) require_beast_agrees(chunks, whole);
  return 0;
}
