#include "api/core/replies.h"

#include "api/core/negotiation.h"
#include "api/core/problem.h"
#include "base/base64.h"
#include "base/json.h"

#include <fmt/format.h>

#include <charconv>

namespace rowgate::api {
namespace {

/// At most `left` bytes of a source.
class Piece : public io::Source {
 public:
  Piece(std::unique_ptr<io::Source> source, std::uint64_t left) : source_(std::move(source)), left_(left) {}
  Result<std::size_t> read(std::span<char> into) override {
    if (left_ < into.size()) into = into.first(static_cast<std::size_t>(left_));
    if (into.empty()) return std::size_t{0};
    TRY_ASSIGN(const std::size_t got, source_->read(into));
    left_ -= got;
    return got;
  }

 private:
  std::unique_ptr<io::Source> source_;
  std::uint64_t left_;
};

struct ByteRange {
  std::uint64_t first = 0, count = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The range of a header such as "bytes=0-99", "bytes=100-" or "bytes=-100". nullopt: there is none that we
/// follow (RFC 9110 section 14.2 lets a server pass over any). A count of 0: it lies behind the end.
std::optional<ByteRange> byte_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first_text = header.substr(0, dash), last_text = header.substr(dash + 1);
  const std::optional<std::uint64_t> first = number(first_text), last = number(last_text);
  if ((!first && !first_text.empty()) || (!last && !last_text.empty())) return std::nullopt;
  if (!first && !last) return std::nullopt;
  if (!first) {
    const std::uint64_t count = std::min(*last, size);
    return ByteRange{size - count, count};
  }
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return ByteRange{};
  const std::uint64_t end = last ? std::min(*last + (*last < size ? 1 : 0), size) : size;
  return ByteRange{*first, end - *first};
}

/// The range that the request asks for and that its If-Range still allows.
std::optional<ByteRange> wanted_range(const http::Request& request, const std::string& etag,
                                      std::uint64_t size) {
  const std::optional<std::string_view> range = request.header("range");
  if (!range || request.method != "GET") return std::nullopt;  // RFC 9110 section 14.2
  const std::optional<std::string_view> known = request.header("if-none-match");
  if (known && names_etag(*known, etag)) return std::nullopt;  // judged first: RFC 9110 section 13.2.2
  const std::optional<std::string_view> if_range = request.header("if-range");
  if (if_range && *if_range != etag) return std::nullopt;
  return byte_range(*range, size);
}

char hex_digit(unsigned value) {
  return "0123456789ABCDEF"[value & 15u];
}

unsigned hex_value(char c) {
  return c >= 'a' ? static_cast<unsigned>(c - 'a') + 10 : static_cast<unsigned>(c - '0');
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

http::Response json_response(int status, std::string json) {
  return text_response(status, "application/json", std::move(json));
}

http::Response text_response(int status, std::string_view type, std::string text) {
  http::Response response{.status = status, .text = std::move(text)};
  const bool has_charset = type != "application/octet-stream";
  response.set("Content-Type", fmt::format("{}{}", type, has_charset ? "; charset=utf-8" : ""));
  return response;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c))
      out += c;
    else
      out.append({'%', hex_digit(byte >> 4), hex_digit(byte)});
  }
  return out;
}

std::string attachment(std::string_view filename) {
  std::string plain(filename);
  for (char& c : plain)
    if (c < 0x20 || c == 0x7f || c == '"' || c == '\\' || c == '/') c = '_';  // c < 0 is not ASCII
  return fmt::format("attachment; filename=\"{}\"; filename*=UTF-8''{}", plain, percent_encoded(filename));
}

std::string repr_digest(std::string_view sha256_hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < sha256_hex.size(); i += 2)
    bytes += static_cast<char>(hex_value(sha256_hex[i]) * 16 + hex_value(sha256_hex[i + 1]));
  return fmt::format("sha-256=:{}:", base64_encode(bytes));
}

http::Response unless_known(const http::Request& request, const std::string& etag, http::Response response) {
  response.set("ETag", etag);
  const std::optional<std::string_view> known = request.header("if-none-match");
  if (!known || !names_etag(*known, etag)) return response;
  response.status = 304;
  response.text.clear();
  response.stream.reset();
  response.length.reset();
  std::erase_if(response.headers, [](const auto& header) { return header.first == "Content-Type"; });
  return response;
}

Result<http::Response> file_response(const Call& call, const std::shared_ptr<io::SourceFile>& file,
                                     std::string_view type, const std::string& sha256_hex,
                                     std::string_view filename) {
  const std::uint64_t size = file->stored_size();
  const std::string etag = fmt::format("\"{}\"", sha256_hex);
  const std::optional<ByteRange> range = wanted_range(call.request, etag, size);
  if (range && range->count == 0)
    return problem_response(
        call, {.error = {Code::RequestRangeNotSatisfiable, fmt::format("the file has {} bytes", size)},
               .headers = {{"Content-Range", fmt::format("bytes */{}", size)}}});
  http::Response response = text_response(range ? 206 : 200, type, {});
  response.set("Accept-Ranges", "bytes");
  response.set("Repr-Digest", repr_digest(sha256_hex));
  response.set("Content-Disposition", attachment(filename));
  const ByteRange piece = range.value_or(ByteRange{0, size});
  if (range)
    response.set("Content-Range",
                 fmt::format("bytes {}-{}/{}", piece.first, piece.first + piece.count - 1, size));
  TRY_ASSIGN(std::unique_ptr<io::Source> source, file->open(piece.first));
  response.stream = std::make_shared<Piece>(std::move(source), piece.count);
  response.length = piece.count;
  response.keeps_alive = file;
  return unless_known(call.request, etag, std::move(response));
}

std::string json_time_or_null(Timestamp at) {
  return at.micros == 0 ? "null" : json_text(to_rfc3339(at));
}

}  // namespace rowgate::api
