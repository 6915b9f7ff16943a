#include "api/core/paging.h"

#include "api/core/replies.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"
#include "io/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace rowgate::api {
namespace {

constexpr std::int64_t kLifeMicros = 24LL * 3600 * 1'000'000;

std::unexpected<Error> bad_cursor(std::string_view why) {
  return fail(Code::RequestBadCursor, fmt::format("the cursor {}", why), "begin with the first page again");
}

/// What a cursor belongs to: path and parameters but for the paging itself, and the form of the answer.
std::string query_text(const Call& call) {
  std::string text(call.route->pattern);
  for (const auto& [name, value] : call.params) text += fmt::format("\n{}={}", name, value);
  http::Fields query = call.request.query;
  std::ranges::sort(query);
  for (const auto& [name, value] : query)
    if (name != "limit" && name != "cursor") text += fmt::format("\n?{}={}", name, value);
  return text;
}

/// The object that is signed. Links never have it: theirs begin with reports/.
std::string signed_object(const Call& call, std::string_view payload) {
  return fmt::format("cursor/{}", io::sha256_hex(fmt::format("{}\n\n{}", query_text(call), payload)));
}

/// The value of a parameter in a signed address; a value never holds "&".
std::string_view parameter_of(std::string_view address, std::string_view name) {
  const std::size_t at = address.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view value = address.substr(at + name.size());
  return value.substr(0, value.find('&'));
}

/// "payload.expires.key.signature", split.
std::optional<std::array<std::string_view, 4>> parts_of(std::string_view cursor) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = cursor.find('.');
    if ((end == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    parts[i] = cursor.substr(0, end);
    cursor.remove_prefix(std::min(cursor.size(), parts[i].size() + 1));
  }
  return parts;
}

Result<std::string> read_cursor(const Call& call, std::string_view cursor) {
  const auto parts = parts_of(cursor);
  const std::optional<std::string> payload = parts ? base64url_decode((*parts)[0]) : std::nullopt;
  if (!payload) return bad_cursor("is not one of ours");
  switch (call.service.signer.check(signed_object(call, *payload), (*parts)[1], (*parts)[2], (*parts)[3],
                                    call.service.clock.now())) {
    case store::LinkSigner::Verdict::Ok:
      return *payload;
    case store::LinkSigner::Verdict::Expired:
      return bad_cursor("is older than 24 hours");
    case store::LinkSigner::Verdict::BadSignature:
      break;
  }
  return bad_cursor("is not one of ours, or belongs to another query");
}

Result<std::size_t> read_limit(const Call& call) {
  const HttpLimits& limits = call.service.settings.limits;
  const std::optional<std::string_view> text = call.request.parameter("limit");
  if (!text) return limits.page;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc() || end != text->data() + text->size() || limit < 1 || limit > limits.max_page)
    return fail(Code::RequestInvalid, fmt::format("limit cannot be \"{}\"", shown(*text)),
                fmt::format("give a number from 1 to {}", limits.max_page));
  return limit;
}

}  // namespace

Result<Page> read_page(const Call& call) {
  Page page;
  TRY_ASSIGN(page.limit, read_limit(call));
  if (const std::optional<std::string_view> cursor = call.request.parameter("cursor")) {
    TRY_ASSIGN(page.position, read_cursor(call, *cursor));
  }
  return page;
}

std::string make_cursor(const Call& call, std::string_view position) {
  const Timestamp expires{call.service.clock.now().micros + kLifeMicros};
  const std::string address = call.service.signer.sign(signed_object(call, position), expires);
  return fmt::format("{}.{}.{}.{}", base64url_encode(position), parameter_of(address, "?e="),
                     parameter_of(address, "&k="), parameter_of(address, "&s="));
}

void add_next_link(const Call& call, const std::string& cursor, http::Response& response) {
  std::string address = call.request.target.substr(0, call.request.target.find('?'));
  char separator = '?';
  for (const auto& [name, value] : call.request.query) {
    if (name == "cursor") continue;
    address += fmt::format("{}{}={}", separator, name, percent_encoded(value));
    separator = '&';
  }
  response.set("Link", fmt::format("<{}{}cursor={}>; rel=\"next\"", address, separator, cursor));
}

http::Response page_response(const Call& call, const std::vector<std::string>& items,
                             const std::optional<std::string>& next_position) {
  std::string text = "{\"items\":[";
  for (const std::string& item : items) text += (&item == items.data() ? "\n" : ",\n") + item;
  text += "\n],\"next\":";
  const std::string cursor = next_position ? make_cursor(call, *next_position) : std::string();
  if (next_position)
    append_json_string(text, cursor);
  else
    text += "null";
  http::Response response = json_response(200, text + "}\n");
  if (next_position) add_next_link(call, cursor, response);
  return response;
}

}  // namespace rowgate::api
