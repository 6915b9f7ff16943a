#include "lambda/handler.h"

#include "api/core/replies.h"
#include "api/core/sources.h"
#include "base/text.h"
#include "base/units.h"
#include "lambda/answer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rowgate::lambda {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestVersion = 200;
constexpr auto kWayOut = "POST /v1/sources tells where to put a larger file; then load it by ?source=KEY";

/// The same notification may come twice: the Idempotency-Key makes it load once.
http::WholeRequest load_request(const api::SourceKey& source, std::string_view key,
                                const std::string& version) {
  return {.method = "POST",
          .target = fmt::format("/v1/tables/{}/loads?source={}", api::percent_encoded(source.table),
                                api::percent_encoded(key)),
          .headers = {{"idempotency-key", fmt::format("{} {}", source.id, shown(version, kLongestVersion))}},
          .is_own = true};
}

Failure failure_of(const Error& error) {
  return {std::string(text(error.code)),
          error.hint.empty() ? error.message : fmt::format("{} ({})", error.message, error.hint)};
}

}  // namespace

Handler::Handler(http::InProcess& service, Settings settings, std::function<void()> hurry,
                 std::function<void()> tidy)
    : service_(service), settings_(std::move(settings)), hurry_(std::move(hurry)), tidy_(std::move(tidy)) {}

std::expected<std::string, Failure> Handler::handle(std::string_view event, Moment late, Moment last) {
  const Patience patience{.late = late, .last = last, .hurry = hurry_};
  Result<Event> read = read_event(event);
  if (!read) {
    if (read.error().code == Code::RequestMalformed) return unreadable(read.error(), event.size());
    return std::unexpected(failure_of(read.error()));
  }
  if (HttpEvent* http = std::get_if<HttpEvent>(&*read)) return answer(std::move(*http), patience);
  if (const ObjectsEvent* objects = std::get_if<ObjectsEvent>(&*read)) return load(*objects, patience);
  if (std::holds_alternative<ScheduleEvent>(*read)) tidy_();
  return std::string("{}");
}

/// Whatever fails, memory included: a gateway makes 502 of everything that is no proper answer.
std::string Handler::answer(HttpEvent event, const Patience& patience) {
  if (settings_.uses_own_url) event.request.public_url.clear();
  try {
    return bounded(service_.answer(std::move(event.request), patience));
  } catch (const std::exception& exception) {
    return bounded(service_.refuse({Code::InternalError, exception.what()}));
  }
}

/// Whoever sent it waits for an answer: only an API gateway has such bodies in its events.
std::string Handler::unreadable(const Error& error, std::size_t bytes) {
  if (bytes < settings_.max_event_bytes) return bounded(service_.refuse(error));
  return bounded(
      service_.refuse({Code::LimitBytes,
                       fmt::format("the request is larger than AWS Lambda takes; the body may have {}",
                                   bytes_text(settings_.max_body_bytes)),
                       settings_.bucket.empty() ? "" : kWayOut}));
}

/// Escapes and base64 count too, so only the whole text tells.
std::string Handler::bounded(const http::WholeAnswer& answer) {
  std::string json = answer_json(answer);
  if (json.size() <= settings_.max_answer_bytes) return json;
  return answer_json(service_.refuse(http::answer_too_large(settings_.max_answer_bytes)));
}

std::expected<std::string, Failure> Handler::load(const ObjectsEvent& event, const Patience& patience) {
  Json loads = Json::array();
  for (const ObjectsEvent::Object& object : event.objects) {
    std::string_view key = object.key;
    const std::string prefix = settings_.prefix.empty() ? "" : settings_.prefix + '/';
    if (object.bucket != settings_.bucket || !key.starts_with(prefix)) continue;
    key.remove_prefix(prefix.size());
    const std::optional<api::SourceKey> source = api::read_source_key(key);
    if (!source || source->table.empty()) continue;  // a request says its table
    const http::WholeAnswer answer = service_.answer(load_request(*source, key, object.version), patience);
    if (answer.status >= 500 || answer.status == 409)
      return std::unexpected(
          Failure{"load.failed", fmt::format("'{}' was not loaded: status {} {}", shown(key), answer.status,
                                             shown(answer.body, 1'000))});
    const Json body = Json::parse(answer.body, nullptr, false);
    loads.push_back(
        {{"key", key}, {"status", answer.status}, {"answer", body.is_discarded() ? Json() : body}});
  }
  return Json{{"loads", std::move(loads)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rowgate::lambda
