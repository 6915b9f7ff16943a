#include "http/answer.h"

#include "base/text.h"
#include "http/characters.h"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <iterator>

namespace rowgate::http {

namespace {

struct StatusName {
  int status;
  std::string_view name;
};

constexpr StatusName kStatusNames[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

/// Fields that only the connection can know.
bool is_ours(std::string_view name) {
  for (const std::string_view ours : {"connection", "keep-alive", "transfer-encoding", "content-length",
                                      "date", "request-id", "trailer", "upgrade"})
    if (name == ours) return true;
  return false;
}

void add_field(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  for (const char c : value) head += is_field_character(c) ? c : ' ';  // never a line of the client's making
  head += "\r\n";
}

void add_own_fields(std::string& head, const Response& response) {
  bool has_cache_control = false, has_nosniff = false;
  for (const auto& [name, value] : response.headers) {
    const std::string lower = lower_ascii(name);
    if (is_ours(lower) || !is_token(name)) continue;
    has_cache_control = has_cache_control || lower == "cache-control";
    has_nosniff = has_nosniff || lower == "x-content-type-options";
    add_field(head, name, value);
  }
  if (!has_cache_control) head += "Cache-Control: no-store\r\n";
  if (!has_nosniff) head += "X-Content-Type-Options: nosniff\r\n";
}

}  // namespace

std::string_view reason(int status) {
  for (const StatusName& known : kStatusNames)
    if (known.status == status) return known.name;
  return {};
}

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

std::string http_date(std::time_t at) {
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&at, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(utc.tm_wday)],
                     utc.tm_mday, kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string answer_head(const Response& response, const AnswerFrame& frame) {
  std::string head;
  head.reserve(512);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
  add_field(head, "Date", frame.date);
  if (frame.end == BodyEnd::Length)
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", frame.length);
  if (frame.end == BodyEnd::Chunked) head += "Transfer-Encoding: chunked\r\n";
  if (frame.closes) head += "Connection: close\r\n";
  if (!frame.closes && frame.is_http_1_0) head += "Connection: keep-alive\r\n";
  if (!frame.request_id.empty()) add_field(head, "Request-Id", frame.request_id);
  add_own_fields(head, response);
  head += "\r\n";
  return head;
}

Result<std::size_t> read_piece(io::Source& source, std::span<char> into) {
  try {
    return io::read_fully(source, into);
  } catch (const std::exception& exception) {
    return fail(Code::InternalError, exception.what());
  }
}

}  // namespace rowgate::http
